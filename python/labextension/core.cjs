// Puts what JupyterLab itself brings where the builder looks for it: these packages are shared with the page, and not built in.
const { copyFileSync, mkdirSync } = require('node:fs');

mkdirSync('core', { recursive: true });
copyFileSync(require.resolve('@jupyterlab/core-meta/core.package.json'), 'core/package.json');
