/** The item in the status bar: a button that says how long the token lives, and opens the popup. */

import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { keyIcon } from './icon';
import { Popup } from './popup';
import type { News, Watch } from './watch';
import { sentence, shortText, troubleText, whoText } from './words';

export class Item extends Widget {
  constructor(
    private readonly watch: Watch,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('freshkey-Item');
    this.button = document.createElement('button');
    this.button.type = 'button';
    this.button.setAttribute('aria-haspopup', 'dialog');
    keyIcon.element({ container: this.button.appendChild(document.createElement('span')), stylesheet: 'statusBar' });
    this.text = this.button.appendChild(document.createElement('span'));
    // Filled when something happens, and only then: it is read aloud.
    this.spoken = document.createElement('span');
    this.spoken.className = 'freshkey-Spoken';
    this.spoken.setAttribute('role', 'status');
    this.node.append(this.button, this.spoken);
    this.popup = new Popup(watch, trans, this.button);
    watch.changed.connect(this.draw, this);
    watch.news.connect(this.say, this);
    this.draw();
  }

  /** Opens the popup. Its button has the focus then. */
  open(): void {
    if (this.isAttached) {
      this.popup.open();
    }
  }

  dispose(): void {
    this.popup.dispose();
    super.dispose();
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    Widget.attach(this.popup, document.body);
  }

  protected onBeforeDetach(message: Message): void {
    Widget.detach(this.popup);
    super.onBeforeDetach(message);
  }

  private draw(): void {
    const { watch, trans } = this;
    const parts = [sentence(watch, trans), whoText(watch, trans), troubleText(watch, trans)].filter(part => part !== '');
    this.node.dataset.state = watch.state;
    this.text.textContent = shortText(watch, trans);
    this.button.title = parts.join('\n');
  }

  private say(_: Watch, news: News): void {
    const state = this.watch.state;
    const isNew = state !== this.saidState;
    this.saidState = state;
    const lines = [sentence(this.watch, this.trans)];
    switch (news) {
      case 'renewed':
        lines.unshift(this.trans.__('The token was renewed.'));
        break;
      case 'not-renewed':
        lines.splice(0, 1, this.trans.__('The token was not renewed.'), troubleText(this.watch, this.trans));
        break;
      default:
        if (!isNew || state === 'fresh') {
          return;
        }
    }
    this.spoken.textContent = lines.join(' ');
  }

  private readonly button: HTMLButtonElement;
  private readonly text: HTMLSpanElement;
  private readonly spoken: HTMLSpanElement;
  private readonly popup: Popup;
  private saidState = 'fresh';
}
