// The page: its tabs on a narrow screen, and its parts.

import { byId } from './words.js';
import { openFiles } from './files.js';
import { openRoom } from './room.js';
import { openDrop } from './drop.js';

document.documentElement.classList.add('js');

const views = ['files', 'room'];
const narrow = matchMedia('(max-width: 52rem)');

function show(view) {
  document.body.dataset.view = view;
  for (const tab of document.querySelectorAll('[data-tab]')) {
    if (tab.dataset.tab === view) tab.setAttribute('aria-current', 'true');
    else tab.removeAttribute('aria-current');
  }
  document.dispatchEvent(new CustomEvent('view', { detail: view }));
}

for (const tab of document.querySelectorAll('[data-tab]')) {
  tab.addEventListener('click', (event) => {
    event.preventDefault();
    show(tab.dataset.tab);
  });
}
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  show('room');
  byId('line').focus();
});

const isShown = (view) => !narrow.matches || document.body.dataset.view === view;

show(views.includes(location.hash.slice(1)) ? location.hash.slice(1) : 'files');
openFiles();
const room = openRoom({ isShown: () => isShown('room') });
openDrop({ nick: room.nick });

document.addEventListener('keydown', (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName);
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  show('files');
  byId('filter').focus();
});
