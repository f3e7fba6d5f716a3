/** What the Jupyter server tells of the account. There is no token in it, and none is ever asked for. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { Account, Answer, Trouble } from './remaining';

/** Milliseconds after which a server that is asked has not answered. The server itself answers sooner. */
const ANSWER_MS_MAX = 45_000;
/** Characters of a text that are shown. */
const TEXT_MAX = 1000;

/** Asks how long the token lives. */
export function look(settings: ServerConnection.ISettings): Promise<Answer> {
  return ask(settings, 'status', 'GET');
}

/** Asks for a new token, and how long that one lives. */
export function renew(settings: ServerConnection.ISettings): Promise<Answer> {
  return ask(settings, 'renew', 'POST');
}

async function ask(settings: ServerConnection.ISettings, what: string, method: 'GET' | 'POST'): Promise<Answer> {
  const url = URLExt.join(settings.baseUrl, 'freshkey', what);
  const stop = new AbortController();
  const timer = window.setTimeout(() => stop.abort(), ANSWER_MS_MAX);
  try {
    const response = await ServerConnection.makeRequest(url, { method, signal: stop.signal }, settings);
    if (!response.ok) {
      return failed(`the Jupyter server refused the question (${response.status})`, refusalCure(response.status));
    }
    return parsed(await response.json());
  } catch {
    return failed('the Jupyter server does not answer', 'see whether it still runs, and reload the page');
  } finally {
    window.clearTimeout(timer);
  }
}

function refusalCure(status: number): string {
  return status === 404
    ? 'enable the extension: `jupyter server extension enable freshkey.jupyter`, and start the server again'
    : 'reload the page, and sign in to Jupyter if it asks you to';
}

function failed(cause: string, cure: string): Answer {
  return { account: null, trouble: { kind: 'failed', cause, cure } };
}

/** Reads an answer. One that is none becomes a trouble, never an exception. */
function parsed(json: unknown): Answer {
  const answer = members(json);
  const [account, trouble] = [accountOf(answer.account), troubleOf(answer.trouble)];
  return account === null && trouble === null
    ? failed('the Jupyter server answered something else than an account', 'install the same release of freshkey for server and page')
    : { account, trouble };
}

function accountOf(json: unknown): Account | null {
  const told = members(json);
  const [secondsLeft, lifetime] = [told.seconds_left, told.lifetime];
  if (!isSeconds(secondsLeft) || !isSeconds(lifetime)) {
    return null;
  }
  return {
    profile: text(told.profile),
    issuer: text(told.issuer),
    clientId: text(told.client_id),
    subject: text(told.subject),
    kind: text(told.kind),
    secondsLeft,
    lifetime
  };
}

function troubleOf(json: unknown): Trouble | null {
  const told = members(json);
  const kind = told.kind;
  if (kind !== 'signed-out' && kind !== 'away' && kind !== 'failed') {
    return null;
  }
  return { kind, cause: text(told.cause), cure: text(told.cure) };
}

function members(json: unknown): Record<string, unknown> {
  return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, TEXT_MAX) : '';
}
