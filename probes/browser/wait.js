// Waits in the page until one of the wanted states is painted. The argument holds: after, the time origin of the document
// that must have been replaced (0: any); since, from when on requests count (0: all, and the document itself); want, the
// states in order of preference; errorAt, where error texts are shown; alerts, where else, if they were not shown before;
// form, what is shown to who must sign in again; limit, how many ms it may take (0: any number).
//
// Selectors may lead into frames of the same origin: "iframe#preview >>> #body".
(async (ask) => {
  const began = performance.now();
  const frame = () =>
    new Promise((go) => {
      const late = setTimeout(go, 200); // a page that is not drawn has no frames
      requestAnimationFrame(() => {
        clearTimeout(late);
        go();
      });
    });
  const visible = (e) => !!e && e.getClientRects().length > 0 && e.ownerDocument.defaultView.getComputedStyle(e).visibility !== "hidden";
  const text = (e) => ((e && (e.matches("input, textarea, select") ? e.value : e.textContent)) || "").trim();
  const inside = (e) => {
    try {
      return e.contentDocument;
    } catch {
      return null; // of another origin
    }
  };
  // Every element of a selector, with where its frame lies on the screen.
  const all = (selector) => {
    const parts = selector.split(">>>").map((s) => s.trim());
    let roots = [{ root: document, x: 0, y: 0 }];
    parts.slice(0, -1).forEach((part) => {
      roots = roots.flatMap((r) =>
        [...r.root.querySelectorAll(part)].flatMap((e) => {
          const root = visible(e) && inside(e), box = e.getBoundingClientRect();
          return root ? [{ root, x: r.x + box.x + e.clientLeft, y: r.y + box.y + e.clientTop }] : [];
        }),
      );
    });
    return roots.flatMap((r) => [...r.root.querySelectorAll(parts.at(-1))].map((e) => ({ e, x: r.x, y: r.y })));
  };
  const old = globalThis[Symbol.for("pegel.before")] || new WeakSet();
  const shown = (selector) => all(selector).filter((a) => visible(a.e));
  let why = "", box = ""; // why the last one that could be clicked cannot, and where it was
  const spot = {};
  const reach = (want) => {
    if (want.anew) for (const a of all(want.shown)) if (!visible(a.e)) old.delete(a.e);
    let list = shown(want.shown);
    if (want.gone) return list.length === 0;
    if (want.anew) list = list.filter((a) => !old.has(a.e));
    if (list.length === 0) return (why = ""), false;
    if (want.any && all(want.any).length === 0) return false;
    const at = list[want.draw ? want.draw % list.length : 0], e = at.e;
    if (want.attribute && e.getAttribute(want.attribute) !== want.value) return false;
    if (want.text && text(e) === "") return false;
    spot.value = want.read ? text(e).slice(0, 8192) : "";
    if (!want.hit) return true;
    if (e.disabled || e.getAttribute("aria-disabled") === "true") return (why = "is disabled"), false;
    e.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    const r = e.getBoundingClientRect(), now = [r.x, r.y, r.width, r.height].join();
    const still = now === box;
    box = now;
    if (!still) return (why = "does not stand still"), false;
    // The middle of what can be seen of it.
    const view = e.ownerDocument.documentElement;
    const x = (Math.max(r.left, 0) + Math.min(r.right, view.clientWidth)) / 2, y = (Math.max(r.top, 0) + Math.min(r.bottom, view.clientHeight)) / 2;
    const top = e.ownerDocument.elementFromPoint(x, y);
    if (!top || !(e.contains(top) || top.contains(e))) return (why = "is covered by " + (top ? top.tagName.toLowerCase() + (top.id && "#" + top.id) : "nothing that can be seen")), false;
    spot.x = x + at.x;
    spot.y = y + at.y;
    return true;
  };
  const report = (state, said = "") => {
    const navigation = performance.getEntriesByType("navigation")[0];
    const failed = performance.getEntriesByType("resource").findLast((r) => r.startTime >= ask.since && r.responseStatus >= 400);
    return {
      state,
      text: said.slice(0, 200),
      origin: performance.timeOrigin,
      now: performance.now(),
      firstByte: navigation ? navigation.responseStart : 0,
      domReady: navigation ? navigation.domContentLoadedEventEnd : 0,
      status: failed ? failed.responseStatus : navigation ? navigation.responseStatus : 0,
      ...spot,
    };
  };
  for (;;) {
    if (location.protocol === "chrome-error:") {
      return report("broken", (document.documentElement.innerText.match(/ERR_[A-Z0-9_]+/) || ["an unknown error"])[0]);
    }
    if (performance.timeOrigin > ask.after) {
      const navigation = performance.getEntriesByType("navigation")[0];
      if (navigation && navigation.responseStatus >= 400) return report("status");
      // Before that the page's own clock has not come to the end of its phases.
      const parsed = !navigation || navigation.domContentLoadedEventEnd > 0;
      if (parsed && ask.want.length === 0) return report("parsed");
      const want = parsed && ask.want.find(reach);
      if (want) {
        // The callback of one frame runs before it is painted, that of the next one after.
        if (!want.hit) {
          await frame();
          await frame();
        }
        return report(want.state, want.state === "error" ? text(document.querySelector(ask.errorAt)) : "");
      }
      for (const [i, selector] of parsed && ask.alerts ? ask.alerts.entries() : []) {
        const wrong = shown(selector).find((a) => !old.has(a.e) && text(a.e) !== "");
        if (wrong) return { ...report("alert", text(wrong.e)), alert: i };
      }
      if (parsed && ask.form && shown(ask.form).length > 0) return report("form");
    }
    if (ask.limit > 0 && performance.now() - began > ask.limit) return report("late", why);
    await frame();
  }
})
