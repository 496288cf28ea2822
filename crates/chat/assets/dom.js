// Making elements and putting them in order. What peers wrote becomes text, never markup.

export const byId = (id) => document.getElementById(id);

export function el(name, props = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

// Makes `parent`'s children those of the list: each made once, and anew when its mark changes.
export function sync(parent, list, make) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let at = parent.firstElementChild;
  for (const { key, mark, item } of list) {
    let node = old.get(key);
    if (node?.dataset.mark !== mark) {
      const made = make(item);
      Object.assign(made.dataset, { key, mark });
      const focused = node?.contains(document.activeElement);
      if (at === node) at = at?.nextElementSibling;
      node?.remove();
      parent.insertBefore(made, at);
      node = made;
      if (focused) (made.tabIndex < 0 ? made : made.querySelector('button')).focus();
    } else if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
    old.delete(key);
  }
  for (const node of old.values()) if (node.isConnected) node.remove();
}

const styled = (style) => new Intl.DateTimeFormat(undefined, style);
const clock = styled({ hour: '2-digit', minute: '2-digit' });
const date = styled({ weekday: 'long', day: 'numeric', month: 'long' });
const full = styled({ dateStyle: 'full', timeStyle: 'medium' });

export const day = (ms) => date.format(ms);
export const time = (ms) => el('time', {
  dateTime: new Date(ms).toISOString(), title: full.format(ms) }, clock.format(ms));
