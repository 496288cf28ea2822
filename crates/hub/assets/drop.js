// The drop box: files go up one request each, two at a time, with their progress.

import { byId, el, size } from './words.js';

const AT_ONCE = 2;

export function openDrop({ nick }) {
  const form = byId('drop');
  if (!form) return;
  const jobs = byId('jobs');
  const overlay = byId('overlay');
  const waiting = [];
  let active = 0;

  // Progress is seen in the list; what has no place there is shown.
  function tell(text, shown) {
    byId('drop-said').className = shown ? 'hint' : 'hide';
    byId('drop-said').textContent = text;
  }

  function finish(job, text, good) {
    active -= 1;
    job.done = true;
    job.item.className = good ? 'done' : 'failed';
    job.note.textContent = text;
    job.bar.hidden = true;
    job.stop.textContent = 'Clear';
    job.stop.setAttribute('aria-label', `Clear ${job.file.name} from this list`);
    tell(`${job.file.name}: ${text}`);
    next();
  }

  function next() {
    while (active < AT_ONCE && waiting.length > 0) start(waiting.shift());
  }

  function start(job) {
    active += 1;
    const request = new XMLHttpRequest();
    job.request = request;
    request.open('PUT', `/~drop/${encodeURIComponent(job.file.name)}?as=${encodeURIComponent(nick())}`);
    request.upload.onprogress = (event) => {
      if (!event.lengthComputable || event.total === 0) return;
      job.bar.value = event.loaded / event.total;
      job.note.textContent = `${size(event.loaded)} of ${size(event.total)}`;
    };
    request.onload = () => {
      if (request.status === 201) {
        const saved = request.getResponseHeader('X-Saved-As');
        const renamed = saved && decodeURIComponent(saved) !== job.file.name;
        finish(job, renamed ? `arrived as ${decodeURIComponent(saved)}` : 'arrived', true);
      } else {
        finish(job, request.responseText.split('\n')[0].slice(0, 200) || `the server answered ${request.status}`, false);
      }
    };
    request.onerror = () => finish(job, 'the connection broke', false);
    request.onabort = () => finish(job, 'stopped', false);
    request.send(job.file);
  }

  function take(files) {
    for (const file of files) {
      const job = {
        file,
        bar: el('progress', { max: 1, value: 0 }),
        note: el('span', { className: 'note', textContent: 'waiting' }),
        stop: el('button', { className: 'button small', type: 'button', textContent: 'Stop' }),
      };
      job.bar.setAttribute('aria-label', `Progress of ${file.name}`);
      job.stop.setAttribute('aria-label', `Stop ${file.name}`);
      const about = el('span', { className: 'file' }, el('bdi', { textContent: file.name }), el('small', { textContent: ` ${size(file.size)}` }));
      job.item = el('li', {}, about, job.note, job.stop, job.bar);
      job.stop.addEventListener('click', () => {
        if (job.done) {
          job.item.remove();
        } else if (job.request) {
          job.request.abort();
        } else {
          waiting.splice(waiting.indexOf(job), 1);
          job.item.remove();
        }
      });
      jobs.append(job.item);
      waiting.push(job);
    }
    next();
  }

  byId('pick').addEventListener('change', (event) => {
    take([...event.target.files]);
    event.target.value = '';
  });
  form.addEventListener('submit', (event) => event.preventDefault());

  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  let depth = 0;
  addEventListener('dragenter', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth += 1;
    overlay.hidden = false;
  });
  addEventListener('dragleave', (event) => {
    if (!hasFiles(event)) return;
    depth = Math.max(0, depth - 1);
    overlay.hidden = depth === 0;
  });
  addEventListener('dragover', (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener('drop', (event) => {
    depth = 0;
    overlay.hidden = true;
    if (!hasFiles(event)) return;
    event.preventDefault();
    const items = [...event.dataTransfer.items].filter((item) => item.kind === 'file');
    const folders = items.filter((item) => item.webkitGetAsEntry?.()?.isDirectory);
    take(items.filter((item) => !folders.includes(item)).map((item) => item.getAsFile()).filter(Boolean));
    if (folders.length > 0) tell('Folders cannot be dropped; drop the files in them.', true);
  });
  addEventListener('beforeunload', (event) => {
    if (active > 0) event.preventDefault();
  });
}
