// Uploads: files and folders, chosen or dropped, one request each, with their progress. Without
// scripts the form sends the files that were chosen.

const AT_ONCE = 2;
const DONE_SHOWN_MAX = 20;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

const form = document.getElementById('upload');
const jobs = document.getElementById('jobs');
const told = document.getElementById('told');
const overlay = document.getElementById('overlay');
const waiting = [];
const count = { all: 0, done: 0, failed: 0, active: 0 };

function human(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit + 1 < UNITS.length) {
    bytes /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${UNITS[unit]}`;
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function tell() {
  const failed = count.failed > 0 ? `, ${count.failed} failed` : '';
  told.textContent = `${count.done} of ${count.all} uploaded${failed}`;
}

// The path under which a file has been kept, from the link in the answer.
function kept(answer) {
  const here = new URL('.', location.href).pathname;
  const link = answer.trim();
  try {
    return decodeURIComponent(link.startsWith(here) ? link.slice(here.length) : link);
  } catch {
    return link;
  }
}

function finish(job, good, text) {
  count.active -= 1;
  count[good ? 'done' : 'failed'] += 1;
  job.ended = true;
  job.item.className = good ? 'done' : 'failed';
  job.note.textContent = text;
  job.bar.remove();
  job.stop.textContent = 'Clear';
  job.stop.setAttribute('aria-label', `Clear ${job.path} from this list`);
  [...jobs.querySelectorAll('.done')].slice(DONE_SHOWN_MAX).forEach((item) => item.remove());
  tell();
  next();
}

function start({ file, path }) {
  count.active += 1;
  const request = new XMLHttpRequest();
  const job = {
    path,
    bar: element('progress', { max: 1, value: 0 }),
    note: element('span', { className: 'state', textContent: human(file.size) }),
    stop: element('button', { className: 'button', type: 'button', textContent: 'Stop' }),
  };
  job.bar.setAttribute('aria-label', `Progress of ${path}`);
  job.stop.setAttribute('aria-label', `Stop ${path}`);
  job.item = element('li', {}, element('bdi', { textContent: path }), job.note, job.stop, job.bar);
  job.stop.addEventListener('click', () => (job.ended ? job.item.remove() : request.abort()));
  jobs.prepend(job.item);
  request.open('POST', './');
  request.upload.onprogress = (event) => {
    if (!event.lengthComputable || event.total === 0) return;
    job.bar.value = event.loaded / event.total;
    job.note.textContent = `${human(Math.min(event.loaded, file.size))} of ${human(file.size)}`;
  };
  request.onload = () => {
    const answer = request.responseText;
    if (request.status === 201) {
      const name = kept(answer);
      finish(job, true, name === path ? 'uploaded' : `uploaded as ${name}`);
    } else {
      finish(job, false, answer.split('\n')[0].slice(0, 200) || `answered ${request.status}`);
    }
  };
  request.onerror = () => finish(job, false, 'the connection broke');
  request.onabort = () => finish(job, false, 'stopped');
  const data = new FormData();
  data.append('file', file, path);
  request.send(data);
}

// Shows the folder as it is now.
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const part of ['.about', '.tools', '.archives', 'thead', '#empty', '#rows']) {
    const [here, there] = [document.querySelector(part), fresh.querySelector(part)];
    if (!here || !there) continue;
    here.hidden = there.hidden;
    if (part === '.about' || part === '#rows') here.replaceChildren(...there.childNodes);
  }
  document.dispatchEvent(new Event('rows'));
}

function next() {
  while (count.active < AT_ONCE && waiting.length > 0) start(waiting.shift());
  if (count.active === 0 && count.done > 0) refresh();
}

function take(files) {
  if (count.active === 0) {
    Object.assign(count, { all: 0, done: 0, failed: 0 });
    jobs.querySelectorAll('.done').forEach((item) => item.remove());
  }
  count.all += files.length;
  waiting.push(...files);
  tell();
  next();
}

// All files below what was dropped, with their paths.
async function below(entry, above) {
  const path = above + entry.name;
  if (entry.isFile) {
    const file = await new Promise((give) => { entry.file(give, () => give(null)); });
    return file ? [{ file, path }] : [];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // It gives some at a time, and none at the end.
    const some = await new Promise((give) => { reader.readEntries(give, () => give([])); });
    if (some.length === 0) return found;
    for (const one of some) found.push(...await below(one, `${path}/`));
  }
}

for (const input of form.querySelectorAll('input[type=file]')) {
  input.addEventListener('change', () => {
    take([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    input.value = '';
  });
}
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
addEventListener('drop', async (event) => {
  depth = 0;
  overlay.hidden = true;
  if (!hasFiles(event)) return;
  event.preventDefault();
  const items = [...event.dataTransfer.items].filter((item) => item.kind === 'file');
  // Entries and files must be asked for before anything is waited for.
  const dropped = items.map((item) => [item.webkitGetAsEntry?.(), item.getAsFile()]);
  for (const [entry, file] of dropped) {
    if (entry?.isDirectory) take(await below(entry, ''));
    else if (file) take([{ file, path: file.name }]);
  }
});
addEventListener('beforeunload', (event) => {
  if (count.active > 0) event.preventDefault();
});
