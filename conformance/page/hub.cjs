// A hub with a folder of its own, a client like nc, and another site that means no good.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const { until } = require('../browser.cjs');

const EVIL_SCRIPT = `
  document.title = 'owned';
  try { fetch('/~say', { method: 'POST', body: new URLSearchParams({ nick: 'evil', text: 'evil fetch' }) }); } catch {}
  try { new WebSocket('ws://' + location.host + '/~chat', 'sockeye.1').onopen = (e) => e.target.send('evil socket'); } catch {}
  try { opener.document.title = 'owned'; } catch {}
  try { parent.document.title = 'owned'; } catch {}
  try { document.forms[0].submit(); } catch {}
`;

const EVIL_FORM = '<form action="/~say" method="post"><input name="nick" value="evil">'
  + '<input name="text" value="evil form"><button id="go">go</button></form>';

function fill(share) {
  const write = (name, text) => {
    fs.mkdirSync(path.dirname(path.join(share, name)), { recursive: true });
    fs.writeFileSync(path.join(share, name), text);
  };
  write('README.md', '# Welcome\n\nThis folder is shared on the network. <b>Not bold.</b>\n');
  write('notes/2026/plan & more.txt', 'deep\n');
  write('photos/sea.svg', '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 60"><path d="M0 0h90v60H0z" fill="#9cc"/></svg>');
  write('meeting 20 November.txt', 'Ten o\'clock.\n');
  write('backup.tar.gz', Buffer.alloc(12345678));
  write('data.csv', 'a,b\n1,2\n'.repeat(9000));
  write('holiday.mp4', Buffer.alloc(34567890));
  write('song.flac', Buffer.alloc(2345678));
  write('quarterly report with a name that goes on and on, final version 2.odt', Buffer.alloc(812345));
  write('evil.html', `<!doctype html><title>file</title><body>${EVIL_FORM}<script>${EVIL_SCRIPT}</script>`
    + `<iframe srcdoc="<script>parent.parent.document.title='owned'</script>"></iframe>`);
  write('evil.pdf/index.html', `<!doctype html><title>file</title><body>${EVIL_FORM}<script>${EVIL_SCRIPT}</script>`);
  write('evil.svg', `<svg xmlns="http://www.w3.org/2000/svg"><title>file</title><script>${EVIL_SCRIPT}</script></svg>`);
}

class Hub {
  constructor(binary) {
    this.binary = binary;
    this.home = fs.mkdtempSync(path.join(os.tmpdir(), 'sockeye-page-'));
    this.share = path.join(this.home, 'share');
    this.inbox = path.join(this.home, 'inbox');
    fill(this.share);
    this.ports = { http: 0, chat: 0 };
  }

  async start() {
    const args = ['up', this.share, '--drop', '--inbox', this.inbox, '--no-qr', '--name', 'annas-laptop',
      '--only', 'files,chat', '-b', `127.0.0.1:${this.ports.http}`, '--chat-listen', `127.0.0.1:${this.ports.chat}`];
    const env = { PATH: process.env.PATH, HOME: this.home };
    this.process = spawn(this.binary, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    this.process.stdout.on('data', (data) => { said += data; });
    this.ports.http = Number((await until('http', () => said.match(/listening http http:\/\/127\.0\.0\.1:(\d+)/)))[1]);
    this.ports.chat = Number((await until('chat', () => said.match(/listening chat 127\.0\.0\.1:(\d+)/)))[1]);
    this.url = `http://127.0.0.1:${this.ports.http}/`;
  }

  async stop() {
    const ended = new Promise((end) => { this.process.once('exit', end); });
    this.process.kill('SIGTERM');
    await ended;
  }

  remove() {
    fs.rmSync(this.home, { recursive: true });
  }
}

// What nc shows.
class Nc {
  constructor(port) {
    this.text = '';
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.setEncoding('utf8').on('data', (data) => { this.text += data; }).on('error', () => {});
  }

  say(line) {
    this.socket.write(`${line}\n`);
  }

  hears(line) {
    return until(`nc hears ${line}`, () => this.text.includes(`${line}\n`));
  }
}

// Another site, whose pages attack the hub.
async function otherSite(hub) {
  const host = () => `127.0.0.1:${hub.ports.http}`;
  const pages = {
    '/attack': () => `<!doctype html><title>other</title><script>
      const host = '${host()}';
      const body = new URLSearchParams({ nick: 'evil', text: 'evil cross-site' });
      const done = [];
      done.push(fetch('http://' + host + '/~say', { method: 'POST', mode: 'no-cors', body }).catch(() => 0));
      done.push(fetch('http://' + host + '/~drop/evil.txt', { method: 'PUT', body: 'evil' }).then(() => 'put', () => 'refused'));
      done.push(fetch('http://' + host + '/?json').then(() => 'read', () => 'refused'));
      done.push(new Promise((end) => {
        const socket = new WebSocket('ws://' + host + '/~chat', 'sockeye.1');
        socket.onopen = () => { socket.send('evil socket'); end('open'); };
        socket.onerror = () => end('refused');
      }));
      Promise.all(done).then((all) => { window.outcome = all.slice(1).join(' '); });
      </script>`,
    '/form': () => `<!doctype html><form action="http://${host()}/~say" method="post"><input name="nick" value="evil"><input name="text" value="evil form"><button id="go">go</button></form>`,
    '/frame': () => `<!doctype html><iframe src="http://${host()}/"></iframe>`,
  };
  const server = http.createServer((request, answer) => {
    answer.setHeader('Content-Type', 'text/html');
    answer.end(pages[request.url]?.() ?? '');
  });
  await new Promise((go) => { server.listen(0, '127.0.0.1', go); });
  return server;
}

module.exports = { Hub, Nc, otherSite };
