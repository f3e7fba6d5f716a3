/** The words for a state. They are whole sentences for those who listen, and short for those who look. */

import type { TranslationBundle } from '@jupyterlab/translation';

import { span } from './remaining';
import type { Watch } from './watch';

/** As short as the status bar wants it. */
export function shortText(watch: Watch, trans: TranslationBundle): string {
  const left = leftText(watch.secondsLeft, trans);
  switch (watch.state) {
    case 'unknown':
      return watch.trouble === null ? trans.__('Token: …') : trans.__('Token: unknown');
    case 'fresh':
      return trans.__('Token: %1', left);
    case 'soon':
      return trans.__('Token: %1, soon over', left);
    case 'over':
      return trans.__('Token: over');
    case 'signed-out':
      return trans.__('Token: not signed in');
    case 'away':
      return watch.secondsLeft > 0 ? trans.__('Token: %1, provider away', left) : trans.__('Token: over, provider away');
  }
}

/** The same as a sentence. */
export function sentence(watch: Watch, trans: TranslationBundle): string {
  const { count, unit } = span(watch.secondsLeft);
  const lives =
    unit === 'min'
      ? trans._n('The token lives for one more minute.', 'The token lives for %1 more minutes.', count, count)
      : trans._n('The token lives for one more second.', 'The token lives for %1 more seconds.', count, count);
  switch (watch.state) {
    case 'unknown':
      return watch.trouble === null ? trans.__('Nothing is known of the token yet.') : trans.__('Nothing is known of the token.');
    case 'fresh':
      return lives;
    case 'soon':
      return trans.__('%1 It is soon over.', lives);
    case 'over':
      return trans.__('The token is over. The next that asks for one renews it.');
    case 'signed-out':
      return trans.__('Nobody is signed in.');
    case 'away':
      return watch.secondsLeft > 0
        ? trans.__('%1 The provider does not answer, so it is not renewed now.', lives)
        : trans.__('The token is over, and the provider does not answer.');
  }
}

/** Who, and which profile. Empty when that is not known. */
export function whoText(watch: Watch, trans: TranslationBundle): string {
  const account = watch.account;
  if (account === null) {
    return '';
  }
  return account.subject === ''
    ? trans.__('Profile %1', account.profile)
    : trans.__('%1, profile %2', account.subject, account.profile);
}

/** Cause and cure, as two sentences. */
export function troubleText(watch: Watch, trans: TranslationBundle): string {
  const trouble = watch.trouble;
  if (trouble === null) {
    return '';
  }
  return trouble.cure === '' ? `${trouble.cause}.` : trans.__('%1. To cure it: %2.', trouble.cause, trouble.cure);
}

function leftText(seconds: number, trans: TranslationBundle): string {
  const { count, unit } = span(seconds);
  return unit === 'min' ? trans.__('%1 min', count) : trans.__('%1 s', count);
}
