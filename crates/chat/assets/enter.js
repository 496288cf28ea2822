// The way in: capabilities, login, a name, the rooms; and the way back after a break.
import { add, inform, isChannel, isMe, line, next, same, send } from './state.js';
import { format, saslPlain } from './wire.js';

const WANTED = `account-notify account-tag away-notify batch cap-notify draft/chathistory
  draft/event-playback draft/message-redaction draft/multiline draft/read-marker echo-message
  labeled-response message-tags multi-prefix server-time standard-replies`.split(/\s+/);
const PAGE = 50;
const DIRECT_DAYS = 14;

// A connection stands: what is said first.
export function begin(state) {
  Object.assign(state, { phase: 'entering', nick: state.wish.nick, account: '', refused: '' });
  for (const part of [state.caps, state.offered, state.batches, state.labels]) part.clear();
  send(state, 'CAP LS 302');
  if (state.wish.pass) send(state, format('PASS', [state.wish.pass]));
  send(state, format('NICK', [state.nick]));
  send(state, format('USER', ['web', '0', '*', state.nick]));
}

// A connection is gone. Whether the last that we said was heard shows when we have caught up.
export function end(state) {
  state.phase = 'off';
  for (const place of state.rooms.values()) {
    Object.assign(place, { joined: false, held: null, asked: '', names: null });
    place.typing.clear();
    for (const each of place.waiting) each.sent = false;
  }
}

function refuse(state, why) {
  Object.assign(state, { refused: why, phase: 'refused' });
}

const proceed = (state) => state.phase === 'entering' && send(state, 'CAP END');

function request(state) {
  const wanted = WANTED.filter((cap) => state.offered.has(cap) && !state.caps.has(cap));
  if (state.wish.account && state.phase === 'entering') {
    if (!/^$|\bPLAIN\b/.test(state.offered.get('sasl') ?? '-')) {
      return refuse(state, 'This server takes no logins.');
    }
    wanted.push('sasl');
  }
  return wanted.length ? send(state, format('CAP', ['REQ', wanted.join(' ')])) : proceed(state);
}

function cap(state, { params: [, word, more], last }) {
  const caps = last.split(' ').filter(Boolean);
  if (word === 'LS' || word === 'NEW') {
    for (const each of caps) state.offered.set(...`${each}=`.split('=', 2));
    if (more !== '*') request(state);
  } else if (word === 'ACK') {
    for (const each of caps) state.caps.add(each);
    if (caps.includes('sasl')) send(state, 'AUTHENTICATE PLAIN');
    else proceed(state);
  } else if (word === 'NAK') {
    proceed(state);
  } else if (word === 'DEL') {
    for (const each of caps) state.caps.delete(each);
  }
}

// The name is taken, perhaps by our own ghost: another until it is free.
function taken(state, { last }, now) {
  if (state.phase !== 'entering') return inform(state, last, now);
  const turn = state.nick === state.wish.nick ? 1 : Number(state.nick.split('_').at(-1)) + 1;
  if (turn > 20) return refuse(state, last);
  state.nick = `${state.wish.nick.slice(0, (Number(state.isupport.NICKLEN) || 30) - 3)}_${turn}`;
  return send(state, format('NICK', [state.nick]));
}

// A ghost of ours has left.
export function regain(state, nick) {
  if (same(state, nick, state.wish.nick) && !isMe(state, nick)) send(state, format('NICK', [state.wish.nick]));
}

// The server has let us in: to the rooms, and to what was said to us meanwhile.
function enter(state, _, now) {
  if (state.phase !== 'entering') return;
  state.phase = 'on';
  const rooms = state.wish.rooms.filter((name) => isChannel(state, name));
  if (rooms.length) send(state, format('JOIN', [rooms.join(',')]));
  else list(state, true);
  for (const place of state.rooms.values()) if (!place.isChannel) ask(state, place);
  if (!state.account || !state.caps.has('draft/chathistory')) return;
  const times = [now - DIRECT_DAYS * 864e5, now + 6e4].map((time) => `timestamp=${new Date(time).toISOString()}`);
  send(state, format('CHATHISTORY', ['TARGETS', ...times, '30']));
}

export function list(state, guess = false) {
  Object.assign(state, { directory: [], guess });
  send(state, 'LIST');
}

// Nobody has said which room: the lobby, or else the one with the most people.
function listed(state) {
  if (!state.guess) return;
  const most = state.directory.toSorted((a, b) => b.members - a.members)[0];
  const lobby = state.directory.some(({ name }) => same(state, name, '#lobby'));
  send(state, format('JOIN', [lobby || !most ? '#lobby' : most.name]));
}

// Asks for history: what was missed, or the newest; `older`: what came before all that is here.
export function ask(state, place, older = false) {
  if (older && (place.asked || place.atStart || place.held || state.phase !== 'on')) return undefined;
  if (!state.caps.has('draft/chathistory')) return older ? undefined : sendAgain(state, place);
  const known = place.lines.filter((each) => each.id);
  const from = known.at(older ? 0 : -1);
  place.asked = from ? (older ? 'BEFORE' : 'AFTER') : 'LATEST';
  if (!older) place.held ??= [];
  const label = `h${next(state)}`;
  state.labels.set(label, { place });
  const most = Math.min(Number(state.isupport.CHATHISTORY) || PAGE, place.asked === 'AFTER' ? 2 * PAGE : PAGE);
  const words = [place.asked, place.name, from ? `msgid=${from.id}` : '*', most];
  return send(state, format('CHATHISTORY', words, labelled(state, label)));
}

const labelled = (state, label) => (state.caps.has('labeled-response') ? { label } : {});

// What we said before the break and what did not arrive is said again, after catching up.
export function sendAgain(state, place) {
  for (const each of place.waiting.filter(({ sent }) => !sent)) say(state, place, each);
}

export function say(state, place, each) {
  Object.assign(each, { sent: true, nick: state.nick, failed: '' });
  state.labels.set(each.key, { place, line: each });
  const reply = each.reply && state.caps.has('message-tags') ? { '+draft/reply': each.reply } : {};
  const tags = { ...reply, ...labelled(state, each.key) };
  const [text, ...more] = each.text.split('\n');
  const privmsg = (words, its) => send(state, format('PRIVMSG', [place.name, words], its));
  if (each.kind === 'action') privmsg(`\x01ACTION ${text}\x01`, tags);
  else if (!more.length) privmsg(text, tags);
  else {
    send(state, format('BATCH', [`+${each.key}`, 'draft/multiline', place.name], tags));
    for (const words of [text, ...more]) privmsg(words, { batch: each.key });
    send(state, `BATCH -${each.key}`);
  }
  if (!state.caps.has('echo-message')) {
    place.waiting.splice(place.waiting.indexOf(each), 1);
    add(state, place, [line(state, each)]);
  }
}

const refusal = (state, { last }) => refuse(state, last);

export const ENTERING = {
  CAP: cap,
  AUTHENTICATE: ({ wish, out }) => out.push(...saslPlain(wish.account, wish.password)),
  PING: (state, { last }) => send(state, format('PONG', [last])),
  900: (state, { params }) => { state.account = params[2]; },
  901: (state) => { state.account = ''; },
  903: proceed,
  902: refusal,
  904: (state) => refuse(state, 'The account or its password is wrong.'),
  905: refusal,
  465: refusal,
  464: (state) => refuse(state, 'The server asks for its password.'),
  432: (state, { last }, now) => (state.phase === 'on' ? inform(state, last, now) : refuse(state, last)),
  433: taken,
  '001': (state, { params }) => { state.nick = params[0]; },
  '005': (state, { words }) => {
    for (const word of words.slice(1, -1)) {
      const [name, value = ''] = word.split(/=(.*)/s);
      state.isupport[name] = value;
    }
  },
  376: enter,
  422: enter,
  322: (state, { params: [, name, members, topic] }) => {
    state.directory.push({ name, members: Number(members), topic });
  },
  323: listed,
};
