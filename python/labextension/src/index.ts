/** Freshkey in JupyterLab: an item in the status bar. It knows no token; the Jupyter server tells it how long there is one. */

import { type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Item } from './item';
import { Watch } from './watch';

const RENEW = 'freshkey:renew';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'freshkey:item',
  description: 'Shows how long the token lives, and renews it.',
  autoStart: true,
  optional: [IStatusBar, ICommandPalette, ITranslator],
  activate: (app: JupyterFrontEnd, statusBar: IStatusBar | null, palette: ICommandPalette | null, translator: ITranslator | null): void => {
    const trans = (translator ?? nullTranslator).load('freshkey');
    const watch = new Watch(app.serviceManager.serverSettings);
    const item = new Item(watch, trans);
    item.id = 'freshkey-item';
    item.disposed.connect(() => watch.dispose());
    if (statusBar !== null) {
      statusBar.registerStatusItem('freshkey:item', { item, align: 'right', rank: 200, priority: 1 });
    } else {
      // Jupyter Notebook has no status bar: it stands in the menu's row.
      app.shell.add(item, 'menu', { rank: 900 });
    }
    app.commands.addCommand(RENEW, {
      label: trans.__('Renew the Token'),
      caption: trans.__('Ask the provider for a new token now'),
      execute: () => {
        item.open();
        return watch.renew();
      }
    });
    palette?.addItem({ command: RENEW, category: trans.__('Freshkey') });
    void watch.look();
  }
};

export default plugin;
