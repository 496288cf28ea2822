// The little server behind HTTP and WebSocket, as the real one serves the page; its connections can
// be cut, and it can be stopped and started again.

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { Little } = require('./little.cjs');

const ASSETS = path.join(__dirname, '../../crates/chat/assets');
const TYPES = { html: 'text/html', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
  + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function frame(opcode, payload) {
  const bytes = Buffer.from(payload);
  const head = bytes.length < 126 ? [0x80 | opcode, bytes.length]
    : [0x80 | opcode, 126, bytes.length >> 8, bytes.length & 255];
  return Buffer.concat([Buffer.from(head), bytes]);
}

// Gives each whole text; browsers send small ones in one frame.
function reader(each) {
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      if (held.length < 2) return;
      const long = (held[1] & 127) === 126;
      const start = (long ? 4 : 2) + 4;
      const length = long ? held.readUInt16BE(2) : held[1] & 127;
      if (held.length < start + length) return;
      const mask = held.subarray(start - 4, start);
      const body = Buffer.from(held.subarray(start, start + length)).map((byte, n) => byte ^ mask[n % 4]);
      each(held[0] & 15, body);
      held = held.subarray(start + length);
    }
  };
}

class Site {
  async start(port = 0) {
    const { parse, format } = await import(path.join(ASSETS, 'wire.js'));
    this.little ??= new Little(parse, format);
    this.sockets = new Set();
    this.server = http.createServer((request, answer) => this.read(request, answer));
    this.server.on('upgrade', (request, socket) => this.upgrade(request, socket));
    await new Promise((go) => { this.server.listen(port, '127.0.0.1', go); });
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}/`;
  }

  read(request, answer) {
    const name = request.url.split('?')[0].slice(1) || 'page.html';
    const file = path.join(ASSETS, path.basename(name));
    answer.setHeader('Content-Security-Policy', POLICY);
    if (!fs.existsSync(file)) return answer.writeHead(404).end();
    answer.setHeader('Content-Type', `${TYPES[name.split('.').at(-1)]}; charset=utf-8`);
    return answer.end(fs.readFileSync(file));
  }

  upgrade(request, socket) {
    const accept = crypto.createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
      + `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: text.ircv3.net\r\n\r\n`);
    const client = this.little.connect((line) => socket.write(frame(1, line)));
    this.sockets.add(socket);
    const gone = () => { this.sockets.delete(socket); this.little.cut(client); };
    socket.on('data', reader((opcode, body) => {
      if (opcode === 1) this.little.receive(client, body.toString());
      else if (opcode === 8) socket.end(frame(8, body));
    })).on('close', gone).on('error', gone);
  }

  cut() {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop() {
    const ended = new Promise((end) => { this.server.close(end); });
    this.server.closeAllConnections();
    this.cut();
    await ended;
  }
}

module.exports = { Site };
