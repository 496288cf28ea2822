// A folder with all that a listing may meet, and a server for it.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const zlib = require('node:zlib');

const { until } = require('../browser.cjs');

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

// A PNG whose pixels `color` gives, from 0 to 1 both ways.
function png(width, height, color) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const lines = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      lines.set(color(x / width, y / height), y * (1 + width * 3) + 1 + x * 3);
    }
  }
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const parts = [chunk('IHDR', head), chunk('IDAT', zlib.deflateSync(lines)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([signature, ...parts]);
}

// Sky over water.
function sea(top, bottom, horizon) {
  return png(360, 270, (x, y) => {
    const edge = horizon + 0.02 * Math.sin(x * 9 + horizon * 40);
    const part = y < edge ? y / edge : 0.6 * ((y - edge) / (1 - edge));
    const [from, to] = y < edge ? [top, bottom] : [[38, 96, 122], [4, 12, 18]];
    return from.map((value, at) => Math.round(value + (to[at] - value) * part));
  });
}

const EVIL_SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" onload="top.owned = 1">
  <script>top.owned = 1; fetch('/owned')</script><image href="/owned"/></svg>`;

// Names that want to be something else, and their bytes.
const STRANGE = [
  '"quoted" \'twice\'.txt', '<script>window.owned = 1<&amp;>', '<img src=x onerror=window.owned=1>.txt',
  'exe\u202egpj.txt', '100%25 #1? a+b;c=d', 'javascript:window.owned=1', '\u200b', ' space ',
].map((name) => Buffer.from(name)).concat([Buffer.from('ff', 'hex'), Buffer.from('61e92e706e67', 'hex')]);

class Site {
  constructor(binary) {
    this.binary = binary;
    this.home = fs.mkdtempSync(path.join(os.tmpdir(), 'sockeye-listing-'));
    this.share = path.join(this.home, 'share');
    this.fill();
  }

  write(name, content) {
    const file = path.join(this.share, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content);
  }

  // Holes cost nothing.
  sized(name, bytes) {
    this.write(name, '');
    fs.truncateSync(path.join(this.share, name), bytes);
  }

  fill() {
    const pictures = {
      'dawn 1': sea([240, 140, 90], [250, 220, 160], 0.45),
      'noon 5': sea([90, 140, 210], [210, 230, 250], 0.5),
      'dusk 9': sea([60, 40, 110], [240, 120, 110], 0.55),
      'fog 13': sea([120, 170, 190], [235, 240, 235], 0.6),
      'night 17': sea([20, 30, 70], [110, 120, 190], 0.65),
    };
    for (const [name, bytes] of Object.entries(pictures)) this.write(`photos/${name}.png`, bytes);
    this.write('harbour 2.png', pictures['noon 5']);
    this.write('harbour 10.png', pictures['dawn 1']);
    this.write('logo.svg', '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 90"><path d="M0 0h120v90H0z" fill="#b03a27"/><circle cx="60" cy="45" r="28" fill="#f4f5f3"/></svg>');
    this.write('README.md', '# Welcome\n\nThis folder is shared on the network.\n');
    this.write('notes/2026/plan & more.txt', 'deep\n');
    this.write('notes/todo.txt', 'todo\n');
    this.write('main.rs', 'fn main() {}\n');
    this.write('data.json', JSON.stringify([...Array(400).keys()]));
    this.sized('minutes of the meeting.odt', 81234);
    this.sized('report.pdf', 1234567);
    this.sized('backup.tar.gz', 12345678);
    this.sized('holiday.mp4', 345678901);
    this.sized('song.flac', 23456789);
    fs.mkdirSync(path.join(this.share, 'empty'));
    fs.mkdirSync(path.join(this.share, 'inbox'));
    this.write('evil/evil.svg', EVIL_SVG);
    this.write('evil/no picture.png', 'not a picture');
    for (const name of STRANGE) {
      const folder = Buffer.from(path.join(this.share, 'strange/'));
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(Buffer.concat([folder, name]), name);
    }
    for (let at = 0; at < 1000; at += 1) {
      const kind = ['txt', 'png', 'zip', 'rs', 'mp4'][at % 5];
      this.write(`thousand/item ${at}.${kind}`, kind === 'png' ? pictures['fog 13'] : 'x'.repeat((at * 7) % 3001));
    }
    for (let at = 0; at < 10000; at += 1) this.write(`many/file ${at}.txt`, 'x'.repeat((at * 7) % 301));
    this.age();
  }

  // Times of the last two years, the same each run but for the day.
  age() {
    const names = fs.readdirSync(this.share, { recursive: true });
    const today = Math.floor(Date.now() / 86400000) * 86400;
    names.filter((name) => !name.startsWith('strange/')).forEach((name, at) => {
      const time = today - ((at * 7919) % 730) * 86400 - ((at * 104729) % 86400);
      fs.utimesSync(path.join(this.share, name), time, time);
    });
  }

  async start(...flags) {
    const args = ['serve', this.share, '-b', '127.0.0.1:0', ...flags];
    const env = { PATH: process.env.PATH, HOME: this.home };
    this.process = spawn(this.binary, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let told = '';
    this.process.stdout.on('data', (data) => { told += data; });
    const ready = () => told.match(/listening http (http:\/\/127\.0\.0\.1:\d+\/)/);
    this.url = (await until('a listening server', ready))[1];
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

module.exports = { Site, STRANGE };
