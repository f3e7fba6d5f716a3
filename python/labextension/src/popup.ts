/**
 * What the item opens: who is signed in, how long the token lives, what is wrong, and a button that renews. The browser itself opens and closes it, by
 * a click beside it and by Escape too, and puts the focus back where it was (HTML, popover).
 */

import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import type { Watch } from './watch';
import { sentence, troubleText } from './words';

export class Popup extends Widget {
  constructor(
    private readonly watch: Watch,
    private readonly trans: TranslationBundle,
    private readonly opener: HTMLButtonElement
  ) {
    super();
    this.addClass('freshkey-Popup');
    this.addClass('jp-ThemedContainer');
    this.node.popover = 'auto';
    this.node.addEventListener('beforetoggle', event => this.toggle((event as ToggleEvent).newState === 'open'));
    opener.popoverTargetElement = this.node;
    opener.setAttribute('aria-expanded', 'false');
    this.node.setAttribute('role', 'dialog');
    this.node.setAttribute('aria-label', trans.__('Token of this Jupyter server'));
    this.heading = this.append('p', 'freshkey-Heading');
    this.facts = this.append('dl', 'freshkey-Facts');
    this.trouble = this.append('p', 'freshkey-Trouble');
    this.button = this.append('button', 'jp-mod-styled jp-mod-accept freshkey-Renew');
    this.button.type = 'button';
    this.button.addEventListener('click', () => this.act());
    watch.changed.connect(this.draw, this);
    this.draw();
  }

  open(): void {
    if (!this.node.matches(':popover-open')) {
      this.node.showPopover();
    }
  }

  dispose(): void {
    window.removeEventListener('resize', this.place);
    this.watch.changed.disconnect(this.draw, this);
    super.dispose();
  }

  private toggle(isOpen: boolean): void {
    this.opener.setAttribute('aria-expanded', String(isOpen));
    if (isOpen) {
      // Not before: it would take the focus from the page that it comes into.
      this.button.autofocus = true;
      this.place();
      window.addEventListener('resize', this.place);
    } else {
      window.removeEventListener('resize', this.place);
    }
  }

  /** At the item: above it when that is in the lower half of the window, and else below it. */
  private readonly place = (): void => {
    const item = this.opener.getBoundingClientRect();
    const right = Math.max(0, window.innerWidth - item.right);
    const isLow = item.top > window.innerHeight / 2;
    this.node.style.inset = isLow ? `auto ${right}px ${window.innerHeight - item.top}px auto` : `${item.bottom}px ${right}px auto auto`;
  };

  // A button that is switched off loses the focus: it stays as it is, and does nothing while the token is renewed.
  private act(): void {
    if (this.watch.isRenewing) {
      return;
    }
    void (this.renews ? this.watch.renew() : this.watch.look());
  }

  private get renews(): boolean {
    return this.watch.account !== null && this.watch.state !== 'signed-out';
  }

  private draw(): void {
    const { watch, trans } = this;
    this.node.dataset.state = watch.state;
    this.heading.textContent = sentence(watch, trans);
    const account = watch.account;
    this.facts.replaceChildren();
    this.fact(trans.__('Who'), account?.subject);
    this.fact(trans.__('Profile'), account?.profile);
    this.fact(trans.__('Client'), account?.clientId);
    this.fact(trans.__('Provider'), account?.issuer);
    this.fact(trans.__('Kind'), account?.kind);
    this.trouble.textContent = troubleText(watch, trans);
    this.trouble.hidden = watch.trouble === null;
    this.button.textContent = watch.isRenewing ? trans.__('Renewing…') : this.renews ? trans.__('Renew') : trans.__('Look again');
    this.button.setAttribute('aria-disabled', String(watch.isRenewing));
  }

  private fact(name: string, value: string | undefined): void {
    if (value !== undefined && value !== '') {
      this.facts.appendChild(document.createElement('dt')).textContent = name;
      this.facts.appendChild(document.createElement('dd')).textContent = value;
    }
  }

  private append<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, className: string): HTMLElementTagNameMap[Tag] {
    const element = this.node.appendChild(document.createElement(tag));
    element.className = className;
    return element;
  }

  private readonly heading: HTMLElement;
  private readonly facts: HTMLElement;
  private readonly trouble: HTMLElement;
  private readonly button: HTMLButtonElement;
}
