import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type Account, type Answer, Known, type Trouble, span } from './remaining';

const START_MS = 1_800_000_000_000;

function account(secondsLeft: number, lifetime: number): Account {
  return { profile: 'ua', issuer: 'https://sso.example.org', clientId: 'app', subject: 'ann', kind: 'session', secondsLeft, lifetime };
}

function known(secondsLeft: number, lifetime: number, trouble: Trouble | null = null): Known {
  return new Known({ account: account(secondsLeft, lifetime), trouble }, START_MS);
}

function trouble(kind: Trouble['kind']): Answer {
  return { account: null, trouble: { kind, cause: 'it rains', cure: 'wait' } };
}

function after(seconds: number): number {
  return START_MS + seconds * 1000;
}

test('minutes are whole, and below two of them there are seconds', () => {
  assert.deepEqual(span(3600), { count: 60, unit: 'min' });
  assert.deepEqual(span(179), { count: 2, unit: 'min' });
  assert.deepEqual(span(119), { count: 119, unit: 's' });
  assert.deepEqual(span(0), { count: 0, unit: 's' });
});

test('a token is soon over below two minutes or a fifth of its life, and then over', () => {
  const states = (lifetime: number, ...ages: number[]) => ages.map(age => known(lifetime, lifetime).state(after(age)));
  assert.deepEqual(states(3600, 0, 3480, 3481, 3600, 9999), ['fresh', 'fresh', 'soon', 'over', 'over']);
  assert.deepEqual(states(300, 240, 241, 299.5, 300), ['fresh', 'soon', 'soon', 'over']);
});

test('a clock that is set back gives a token no more than it had', () => {
  assert.equal(known(300, 300).secondsLeft(after(-5000)), 300);
});

test('what is away or signed out is told before what is left', () => {
  assert.equal(known(300, 300, { kind: 'away', cause: 'a', cure: '' }).state(after(0)), 'away');
  assert.equal(known(300, 300, { kind: 'failed', cause: 'a', cure: '' }).state(after(0)), 'fresh');
  assert.equal(new Known(trouble('signed-out'), START_MS).state(after(0)), 'signed-out');
  assert.equal(new Known(trouble('failed'), START_MS).state(after(0)), 'unknown');
});

test('a renewal that fails does not make the token older or younger', () => {
  const failed = known(300, 300).then(trouble('away'), after(100));
  assert.equal(failed.secondsLeft(after(100)), 200);
  assert.equal(failed.state(after(100)), 'away');
});

test('nothing stays known of an account that nobody is signed in to', () => {
  const gone = known(300, 300).then(trouble('signed-out'), after(100));
  assert.equal(gone.answer.account, null);
  assert.equal(gone.secondsLeft(after(100)), 0);
});

test('the server is asked when a fifth is left, halfway after that, and seldom while something is wrong', () => {
  assert.equal(known(300, 300).looksAgainIn(after(0)), 240);
  assert.equal(known(60, 300).looksAgainIn(after(0)), 30);
  assert.equal(known(3, 300).looksAgainIn(after(0)), 10);
  assert.equal(known(0, 300).looksAgainIn(after(0)), 60);
  assert.equal(known(36_000, 36_000).looksAgainIn(after(0)), 600);
  assert.equal(new Known(trouble('signed-out'), START_MS).looksAgainIn(after(0)), 60);
});

test('a token of an hour that nobody renews is looked at a dozen times or so', () => {
  let looks = 0;
  for (let age = 0; age < 3600; looks += 1) {
    age += known(3600 - age, 3600).looksAgainIn(after(0));
  }
  assert.ok(looks <= 15, `${looks}`);
});

test('what is shown changes exactly when its text does', () => {
  const shown = (at: Known, ms: number) => JSON.stringify(span(at.secondsLeft(START_MS + ms)));
  for (const left of [3600, 181, 180, 179, 120, 119, 2, 1]) {
    const at = known(left, 3600);
    const wait = at.changesInMs(START_MS) ?? Number.NaN;
    assert.notEqual(shown(at, wait), shown(at, 0), `${left}`);
    assert.equal(shown(at, wait - 1), shown(at, 0), `${left}`);
  }
  assert.equal(known(0, 300).changesInMs(START_MS), null);
});
