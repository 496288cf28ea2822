// What asks the user: name and account, a room, words to find, a reaction; and the help.
import { byId, el, time } from './dom.js';
import { find } from './lines.js';
import * as typed from './typed.js';
import { named } from './view-log.js';

export function dialogs(state, { act, enter, jump, here }) {
  const forms = Object.fromEntries([...document.forms].map((form) => [form.closest('dialog')?.id, form]));
  const list = (id, nodes) => byId(id).querySelector('ul').replaceChildren(...nodes.map((node) => el('li', {}, node)));
  let reacting = [];

  function open(id) {
    byId(id).showModal();
    byId(id).querySelector('input')?.select();
  }
  for (const button of document.querySelectorAll('[data-close]')) {
    button.onclick = () => button.closest('dialog').close();
  }
  for (const id of ['join', 'react', 'help']) byId(id).onclose = () => byId('text').focus();
  byId('open-wire').hidden = isSecureContext;
  byId('commands').textContent = `Commands: /${typed.NAMES.join(' /')}`;

  forms.enter.onsubmit = () => {
    const { nick, account, password, pass, room } = Object.fromEntries(new FormData(forms.enter));
    const name = room.trim().replace(/^(?=[^#&])/, '#');
    const rooms = [...new Set([name, ...state.wish.rooms])].filter(Boolean);
    enter({ nick, account, password, pass, rooms });
    byId('text').focus();
  };
  byId('enter').oncancel = (event) => state.phase !== 'on' && event.preventDefault();

  const { name } = forms.join.elements;
  forms.join.onsubmit = () => act(typed.join, name.value.trim());
  function rooms() {
    const found = state.directory.filter((each) => each.name.toLowerCase().includes(name.value.toLowerCase()));
    list('join', found.slice(0, 50).map((each) => el('button', { onclick: () => { name.value = each.name; } },
      el('bdi', {}, each.name), ` ${each.members} here. ${each.topic}`)));
  }
  name.oninput = rooms;

  const { words, all } = forms.find.elements;
  forms.find.oninput = () => {
    const places = all.checked ? [...state.rooms.values()] : [here()].filter(Boolean);
    const found = find(places, words.value);
    byId('found').textContent = words.value && `${found.length} found in what is loaded; scrolling back loads more`;
    list('find', found.map(({ place, line }) => el('button', { type: 'button', onclick() {
      byId('find').close();
      jump(place, line);
    } }, time(line.time), all.checked ? ` ${place.name} ` : ' ', named(line.nick), ` ${line.text}`)));
  };
  forms.find.onsubmit = (event) => event.preventDefault();

  forms.react.onsubmit = ({ submitter }) => {
    const reaction = submitter.value || forms.react.elements.other.value.trim();
    if (reaction) act(typed.react, ...reacting, reaction);
  };

  return {
    rooms,
    enter(why) {
      const { nick, account, room } = forms.enter.elements;
      nick.value = state.wish.nick;
      account.value = state.wish.account;
      room.value = state.wish.rooms[0] ?? '';
      byId('why').textContent = why;
      byId('more').open ||= Boolean(account.value || why);
      open('enter');
    },
    join() {
      act(typed.list);
      rooms();
      open('join');
    },
    find: () => open('find'),
    help: () => open('help'),
    react(...what) {
      reacting = what;
      open('react');
    },
  };
}
