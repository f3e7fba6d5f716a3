/** Knows the account, counts down by itself, and asks the server seldom: a few times in the life of a token, and never for a page that nobody sees. */

import type { ServerConnection } from '@jupyterlab/services';
import { type ISignal, Signal } from '@lumino/signaling';

import { look, renew } from './answer';
import { type Account, type Answer, Known, type State, type Trouble } from './remaining';

/** What has just happened, for those who can't see it. */
export type News = 'looked' | 'renewed' | 'not-renewed' | 'over';

/** Milliseconds in which coming back to the page does not ask again. */
const LOOKED_JUST_NOW_MS = 5000;

export class Watch {
  constructor(private readonly settings: ServerConnection.ISettings) {
    document.addEventListener('visibilitychange', this.onVisibility);
  }

  /** Something that is shown has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Something has happened that is worth a word. */
  get news(): ISignal<this, News> {
    return this._news;
  }

  get state(): State {
    return this.known.state(Date.now());
  }

  get secondsLeft(): number {
    return this.known.secondsLeft(Date.now());
  }

  get account(): Account | null {
    return this.known.answer.account;
  }

  /** What is wrong, with the account or with the last renewal. */
  get trouble(): Trouble | null {
    return this.known.answer.trouble;
  }

  get isRenewing(): boolean {
    return this.renewal !== null;
  }

  /** Asks the server, unless it is being asked. */
  async look(): Promise<void> {
    if (this.isLooking || this.renewal !== null) {
      return;
    }
    this.isLooking = true;
    const renewals = this.renewals;
    const answer = await look(this.settings);
    this.isLooking = false;
    // What was asked before a renewal says nothing of what came after it.
    if (renewals === this.renewals && !this.isDisposed) {
      this.take(answer);
      this._news.emit('looked');
    }
  }

  /** Renews the token. Whoever comes while it is renewed waits for the same renewal. */
  renew(): Promise<void> {
    this.renewal ??= this.renewed().finally(() => {
      this.renewal = null;
      this._changed.emit();
    });
    this._changed.emit();
    return this.renewal;
  }

  dispose(): void {
    this.isDisposed = true;
    document.removeEventListener('visibilitychange', this.onVisibility);
    window.clearTimeout(this.nextLook);
    window.clearTimeout(this.nextChange);
    Signal.clearData(this);
  }

  private async renewed(): Promise<void> {
    this.renewals += 1;
    const answer = await renew(this.settings);
    if (this.isDisposed) {
      return;
    }
    this.take(answer);
    this._news.emit(answer.trouble === null ? 'renewed' : 'not-renewed');
  }

  private take(answer: Answer): void {
    this.known = this.known.then(answer, Date.now());
    this.plan();
  }

  private plan(): void {
    window.clearTimeout(this.nextLook);
    window.clearTimeout(this.nextChange);
    this._changed.emit();
    if (document.visibilityState !== 'visible') {
      return;
    }
    const now = Date.now();
    this.nextLook = window.setTimeout(() => void this.look(), this.known.looksAgainIn(now) * 1000);
    this.planChange(now);
  }

  private planChange(now: number): void {
    const wait = this.known.changesInMs(now);
    if (wait === null) {
      return;
    }
    this.nextChange = window.setTimeout(() => {
      this._changed.emit();
      if (this.state === 'over') {
        this._news.emit('over');
        void this.look();
        return;
      }
      this.planChange(Date.now());
    }, wait);
  }

  private readonly onVisibility = (): void => {
    this.plan();
    if (document.visibilityState === 'visible' && !this.known.isYoungerThan(LOOKED_JUST_NOW_MS, Date.now())) {
      void this.look();
    }
  };

  private known = new Known({ account: null, trouble: null }, 0);
  private isLooking = false;
  private isDisposed = false;
  private renewal: Promise<void> | null = null;
  private renewals = 0;
  private nextLook = 0;
  private nextChange = 0;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _news = new Signal<this, News>(this);
}
