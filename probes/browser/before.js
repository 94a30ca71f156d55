// Remembers what selectors show now, so that a wait can tell what came later. An element counts as new as soon as something
// in it is replaced.
((selectors) => {
  const before = new WeakSet();
  const changed = new MutationObserver((records) => {
    for (const r of records) for (let e = r.target; e; e = e.parentNode) before.delete(e);
  });
  const find = (root, parts) =>
    [...root.querySelectorAll(parts[0])].flatMap((e) => {
      if (parts.length === 1) return [e];
      let inner = null;
      try {
        inner = e.contentDocument;
      } catch {
        // of another origin
      }
      return inner ? find(inner, parts.slice(1)) : [];
    });
  for (const selector of selectors) {
    for (const e of find(document, selector.split(">>>"))) {
      if (e.getClientRects().length === 0) continue; // new when it is shown
      before.add(e);
      changed.observe(e, { childList: true, characterData: true, subtree: true });
    }
  }
  globalThis[Symbol.for("pegel.changes")]?.disconnect();
  globalThis[Symbol.for("pegel.before")] = before;
  globalThis[Symbol.for("pegel.changes")] = changed;
  return true;
})
