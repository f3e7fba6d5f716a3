/** How long a token lives, what is said of it, and when to look again. Pure: the time is an argument. */

/** An account, as it was at one moment. */
export interface Account {
  profile: string;
  issuer: string;
  clientId: string;
  subject: string;
  kind: string;
  secondsLeft: number;
  lifetime: number;
}

/** Why something is not as it should be. */
export interface Trouble {
  kind: 'signed-out' | 'away' | 'failed';
  cause: string;
  cure: string;
}

/** What the server has told. */
export interface Answer {
  account: Account | null;
  trouble: Trouble | null;
}

/** In which state the token is. Each has words of its own: none is told by its colour alone. */
export type State = 'unknown' | 'fresh' | 'soon' | 'over' | 'signed-out' | 'away';

/** Below this, seconds are shown. */
const MINUTES_FROM_S = 120;
/** A token is soon over when it has less than this, or than a fifth of its life. It is what the client itself wants to be left. */
const SOON_S = 120;
const SOON_PART = 5;
/** No two looks are closer than this, and none are further apart. */
const LOOK_S_MIN = 10;
const LOOK_S_MAX = 600;
/** Between looks while something is wrong. */
const TROUBLE_S = 60;
/** Nothing is drawn more often than this. */
const CHANGE_MS_MIN = 50;

/** An answer, and when it came. */
export class Known {
  constructor(
    readonly answer: Answer,
    private readonly atMs: number,
    private readonly accountAtMs: number = atMs
  ) {}

  /** What is known after another answer. One that tells of a trouble only leaves the account that was known, unless nobody is signed in to it any more. */
  then(answer: Answer, nowMs: number): Known {
    return answer.account === null && answer.trouble !== null && answer.trouble.kind !== 'signed-out'
      ? new Known({ account: this.answer.account, trouble: answer.trouble }, nowMs, this.accountAtMs)
      : new Known(answer, nowMs);
  }

  /** Seconds that the token has left. A clock that was set back does not give it more than it had. */
  secondsLeft(nowMs: number): number {
    const had = this.answer.account?.secondsLeft ?? 0;
    return Math.max(0, Math.min(had, Math.ceil(had - (nowMs - this.accountAtMs) / 1000)));
  }

  /** The state at this moment. */
  state(nowMs: number): State {
    const { account, trouble } = this.answer;
    if (trouble !== null && trouble.kind !== 'failed') {
      return trouble.kind;
    }
    if (account === null) {
      return 'unknown';
    }
    const left = this.secondsLeft(nowMs);
    return left === 0 ? 'over' : left < soonBelow(account.lifetime) ? 'soon' : 'fresh';
  }

  /** Seconds from this moment until the server should be asked again. */
  looksAgainIn(nowMs: number): number {
    const account = this.answer.account;
    const left = this.secondsLeft(nowMs);
    if (this.answer.trouble !== null || account === null || left === 0) {
      return TROUBLE_S;
    }
    // Whoever renews ahead has done so when a fifth is left. If nobody has, then once more halfway, and when it is over.
    const renewed = Math.floor(account.lifetime / SOON_PART);
    const wait = left > renewed ? left - renewed : left / 2;
    return Math.min(LOOK_S_MAX, Math.max(LOOK_S_MIN, Math.ceil(wait)));
  }

  /** Whether it came within so many milliseconds. */
  isYoungerThan(ageMs: number, nowMs: number): boolean {
    return nowMs >= this.atMs && nowMs - this.atMs < ageMs;
  }

  /** Milliseconds until what is shown of the time that is left becomes another text; `null` when it stays. */
  changesInMs(nowMs: number): number | null {
    const left = this.secondsLeft(nowMs);
    if (left === 0) {
      return null;
    }
    const exactMs = (this.answer.account?.secondsLeft ?? 0) * 1000 - (nowMs - this.accountAtMs);
    const nextSecondMs = Math.max(exactMs - (left - 1) * 1000, CHANGE_MS_MIN);
    return left < MINUTES_FROM_S ? nextSecondMs : nextSecondMs + (left % 60) * 1000;
  }
}

function soonBelow(lifetime: number): number {
  return Math.min(SOON_S, lifetime / SOON_PART);
}

/** A span as a person says it: whole minutes, and seconds below two of them. */
export function span(seconds: number): { count: number; unit: 'min' | 's' } {
  return seconds < MINUTES_FROM_S ? { count: seconds, unit: 's' } : { count: Math.floor(seconds / 60), unit: 'min' };
}
