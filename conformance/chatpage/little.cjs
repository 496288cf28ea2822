// A little IRC server without sockets, for the page's tests: one log, echo-message, message tags,
// chathistory, read markers. It cuts connections where a test wants it. Not a server for people.

class Little {
  constructor(parse, format) {
    Object.assign(this, { parse, format, log: [], clients: new Set(), topics: new Map(), marks: new Map(), serial: 0, time: 1700000000000 });
  }

  connect(deliver) {
    const client = { deliver, nick: '', rooms: new Set(), caps: false, in: false };
    this.clients.add(client);
    return client;
  }

  cut(client) {
    if (!this.clients.delete(client)) return;
    for (const room of client.rooms) {
      this.put({ command: 'QUIT', nick: client.nick, target: room, params: ['gone'] }, (other) => other.rooms.has(room));
    }
  }

  tell(client, line) {
    if (this.clients.has(client)) client.deliver(line);
  }

  numeric(client, code, ...params) {
    this.tell(client, `:little ${code} ${client.nick || '*'} ${params.join(' ')}`);
  }

  line(entry, more = {}) {
    const tags = { ...entry.tags, msgid: entry.id, time: new Date(entry.time).toISOString(), ...more };
    const [head, ...rest] = this.format(entry.command, entry.params, tags).split(/ (.*)/s);
    return `${head} :${entry.nick}!u@h ${rest[0]}`;
  }

  put(entry, hears, echo = {}) {
    this.time += 1000;
    this.serial += 1;
    Object.assign(entry, { id: `id${this.serial}`, time: this.time, tags: entry.tags ?? {} });
    if (!('+typing' in entry.tags)) this.log.push(entry);
    for (const client of this.clients) {
      if (hears(client)) this.tell(client, this.line(entry, client === echo.client && echo.label ? { label: echo.label } : {}));
    }
  }

  receive(client, line) {
    const { command, params, tags } = this.parse(line);
    const act = this[`on${command}`];
    if (act && (client.in || ['CAP', 'NICK', 'USER', 'PING'].includes(command))) act.call(this, client, params, tags);
  }

  onCAP(client, [word, caps]) {
    const all = 'batch draft/chathistory=100 draft/event-playback draft/message-redaction '
      + 'draft/read-marker echo-message labeled-response message-tags multi-prefix server-time';
    if (word === 'LS') this.tell(client, `:little CAP * LS :${all}`);
    if (word === 'REQ') this.tell(client, `:little CAP * ACK :${caps}`);
    if (word === 'END') {
      client.caps = true;
      this.welcome(client);
    }
  }

  onNICK(client, [nick]) {
    if ([...this.clients].some((other) => other !== client && other.nick === nick)) {
      return this.numeric(client, '433', nick, ':Nickname is already in use');
    }
    const before = client.nick;
    client.nick = nick;
    if (!client.in) return this.welcome(client);
    for (const room of client.rooms) {
      this.put({ command: 'NICK', nick: before, target: room, params: [nick] }, (other) => other.rooms.has(room));
    }
    return undefined;
  }

  onUSER(client) {
    client.user = true;
    this.welcome(client);
  }

  welcome(client) {
    if (client.in || !client.nick || !client.caps || !client.user) return;
    client.in = true;
    this.numeric(client, '001', ':Welcome');
    this.numeric(client, '005', 'CASEMAPPING=ascii', 'CHANTYPES=#', `CHATHISTORY=${this.page ?? 100}`, ':are supported');
    this.numeric(client, '422', ':No MOTD');
  }

  onPING(client, [word]) {
    this.tell(client, `:little PONG little :${word}`);
  }

  onLIST(client) {
    const rooms = new Map();
    for (const { rooms: all } of this.clients) for (const room of all) rooms.set(room, (rooms.get(room) ?? 0) + 1);
    for (const [room, count] of rooms) this.numeric(client, '322', room, count, ':');
    this.numeric(client, '323', ':End');
  }

  onJOIN(client, [names]) {
    for (const room of names.split(',')) {
      client.rooms.add(room);
      this.put({ command: 'JOIN', nick: client.nick, target: room, params: [room] }, (other) => other.rooms.has(room));
      if (this.topics.has(room)) this.numeric(client, '332', room, `:${this.topics.get(room)}`);
      const mark = this.marks.get(`${client.nick} ${room}`);
      this.tell(client, `:little MARKREAD ${room} ${mark ? `timestamp=${mark}` : '*'}`);
      this.onNAMES(client, [room]);
    }
  }

  onNAMES(client, [room]) {
    const here = [...this.clients].filter((other) => other.rooms.has(room)).map((other) => other.nick);
    this.numeric(client, '353', '=', room, `:@${here.join(' ')}`);
    this.numeric(client, '366', room, ':End');
  }

  onPART(client, [room]) {
    this.put({ command: 'PART', nick: client.nick, target: room, params: [room] }, (other) => other.rooms.has(room));
    client.rooms.delete(room);
  }

  onTOPIC(client, [room, text]) {
    this.topics.set(room, text);
    this.put({ command: 'TOPIC', nick: client.nick, target: room, params: [room, text] }, (other) => other.rooms.has(room));
  }

  speak(command, client, params, tags) {
    const [target] = params;
    const own = Object.fromEntries(Object.entries(tags).filter(([name]) => name[0] === '+'));
    const entry = { command, nick: client.nick, target, params, tags: own };
    const hears = (other) => other === client || other.rooms.has(target) || other.nick === target;
    this.put(entry, hears, { client, label: tags.label });
  }

  onPRIVMSG(client, params, tags) { this.speak('PRIVMSG', client, params, tags); }

  onTAGMSG(client, params, tags) { this.speak('TAGMSG', client, params, tags); }

  onREDACT(client, params, tags) { this.speak('REDACT', client, params, tags); }

  onMARKREAD(client, [room, mark]) {
    this.marks.set(`${client.nick} ${room}`, mark.replace('timestamp=', ''));
    for (const other of this.clients) if (other.nick === client.nick) this.tell(other, `:little MARKREAD ${room} ${mark}`);
  }

  onCHATHISTORY(client, [word, target, from, count], { label }) {
    const tag = label ? `@label=${label} ` : '';
    const of = (entry) => (target[0] === '#' ? entry.target === target
      : [entry.target, entry.nick].includes(target) && [entry.target, entry.nick].includes(client.nick));
    let all = this.log.filter(of);
    const at = all.findIndex((entry) => `msgid=${entry.id}` === from);
    if (from !== '*' && at < 0) {
      return this.tell(client, `${tag}:little FAIL CHATHISTORY INVALID_MSGREFTYPE ${word} ${target} :Unknown`);
    }
    if (word === 'BEFORE') all = all.slice(0, at).slice(-Number(count));
    else if (word === 'AFTER') all = all.slice(at + 1).slice(0, Number(count));
    else all = all.slice(-Number(count));
    this.tell(client, `${tag}:little BATCH +h chathistory ${target}`);
    for (const entry of all) this.tell(client, this.line(entry, { batch: 'h' }));
    return this.tell(client, ':little BATCH -h');
  }
}

module.exports = { Little };
