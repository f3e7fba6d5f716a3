/** A key. */

import { LabIcon } from '@jupyterlab/ui-components';

export const keyIcon = new LabIcon({
  name: 'freshkey:key',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">
  <path class="jp-icon3" fill="#616161" fill-rule="evenodd" d="M5 4a4 4 0 1 0 3.9 5H10v2h2V9h1v2h2V7H8.9A4 4 0 0 0 5 4Zm0 2.5a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3Z"/>
</svg>`
});
