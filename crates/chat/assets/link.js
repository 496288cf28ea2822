// The WebSocket: opened again by itself, each time a little later; looked after when it is silent.

const SILENCE_MS = 45e3;
const PATIENCE_MS = 15e3;

// After so many failures it waits so long; `chance` (0 to 1) spreads those who come back together.
export const backoff = (failures, chance) => (
  Math.min(30e3, 500 * 2 ** Math.min(failures, 6)) * (0.5 + chance / 2));

// on: { open, line(text), close(wait_ms), ping }
export function makeLink(url, on) {
  let [socket, failures, timer, watcher, wanted] = [null, 0, 0, 0, false];

  function drop() {
    clearTimeout(timer);
    clearTimeout(watcher);
    const old = socket;
    socket = null;
    old?.close();
  }

  function lost() {
    drop();
    const wait = backoff(failures, Math.random());
    failures += 1;
    timer = setTimeout(open, wait);
    on.close(wait);
  }

  // A link that says nothing is asked, and given up if it does not answer.
  function watch(ms) {
    clearTimeout(watcher);
    watcher = setTimeout(ms === PATIENCE_MS ? lost : ask, ms);
  }

  function ask() {
    on.ping();
    watch(PATIENCE_MS);
  }

  function open() {
    drop();
    wanted = true;
    const own = new WebSocket(url, 'text.ircv3.net');
    socket = own;
    watch(PATIENCE_MS);
    own.onopen = on.open;
    own.onclose = () => own === socket && lost();
    own.onmessage = ({ data }) => {
      if (own !== socket) return;
      watch(SILENCE_MS);
      on.line(data);
    };
  }

  function hurry() {
    if (!wanted || document.hidden) return;
    if (!socket) open();
    else if (socket.readyState === WebSocket.OPEN) ask();
  }
  for (const event of ['online', 'pageshow', 'visibilitychange']) addEventListener(event, hurry);

  return {
    open,
    send: (line) => socket?.readyState === WebSocket.OPEN && socket.send(line),
    // We are in: the next failure counts as the first.
    settled: () => { failures = 0; },
    close: () => { wanted = false; drop(); },
  };
}
