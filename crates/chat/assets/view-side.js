// The lists beside the messages, and the words above them.
import { byId, el, sync } from './dom.js';
import { sorted, typing } from './lines.js';
import { named } from './view-log.js';

const MEMBERS_MAX = 500;
const RANKS = { '~': 'owner', '&': 'admin', '@': 'operator', '%': 'half-operator', '+': 'voice' };
const small = (count) => (count > 99 ? '99+' : count || '');

function entry({ place, current }) {
  const { name, unread, mentions } = place;
  const badge = el('b', { className: mentions ? 'badge loud' : 'badge' }, small(mentions || unread),
    el('span', { className: 'vh' }, mentions ? ' for you' : ' unread'));
  return el('li', { className: place.isChannel && !place.joined ? 'away' : '' },
    el('button', { type: 'button', 'data-room': name, ariaCurrent: current }, el('bdi', {}, name), ...(unread ? [badge] : [])),
    el('button', { type: 'button', className: 'leave', 'data-leave': name, ariaLabel: `Leave ${name}` }, '×'));
}

const member = ({ nick, prefix, away }) => el('li', { className: away ? 'away' : '' },
  el('button', { type: 'button', 'data-room': nick, title: `${RANKS[prefix] ?? ''}${away ? ' away' : ''}` }, prefix, named(nick)));

function words(state, place, wait) {
  if (state.refused || state.notice) return state.refused || state.notice;
  if (state.phase === 'entering') return 'Connecting…';
  if (state.phase === 'off') return wait > 2000 ? `Not connected; again in ${Math.round(wait / 1000)} s` : 'Not connected';
  return place?.isChannel && !place.joined ? 'You are not in this room' : '';
}

export function drawSides(state, place, now, wait) {
  const rooms = [...state.rooms.values()];
  sync(byId('room-list'), rooms.map((each) => {
    const current = each === place;
    return { key: each.key, mark: [each.unread, each.mentions, current, each.joined].join(), item: { place: each, current } };
  }), entry);
  const members = place ? sorted(place) : [];
  sync(byId('member-list'), members.slice(0, MEMBERS_MAX)
    .map((each) => ({ key: each.nick, mark: each.prefix + each.away, item: each })), member);
  const write = (id, text) => { if (byId(id).textContent !== text) byId(id).textContent = text; };
  const others = rooms.filter((each) => each !== place).reduce((sum, each) => sum + (each.mentions || each.unread), 0);
  const loud = rooms.reduce((sum, each) => sum + each.mentions, 0);
  write('count', `${members.length || ''}`);
  write('title', place?.name ?? 'Chat');
  write('topic', place?.topic ?? '');
  write('me', `${state.nick || 'Come in'}${state.account ? ` (${state.account})` : ''}`);
  write('news', `${small(others)}`);
  write('state', words(state, place, wait));
  write('typing', place ? typing(place, now) : '');
  byId('news').hidden = !others;
  for (const id of ['to-members', 'members']) byId(id).hidden = !place?.isChannel;
  document.title = `${loud ? `(${loud}) ` : ''}${place?.name ?? 'Chat'}`;
}
