// Waits in the page until one of the wanted states is painted. The argument holds: after, the time origin of the document
// that must have been replaced (0: any); since, from when on requests count (0: all, and the document itself); want, the
// states in order of preference; errorAt, where error texts are shown.
(async (ask) => {
  const frame = () =>
    new Promise((go) => {
      const late = setTimeout(go, 200); // a page that is not drawn has no frames
      requestAnimationFrame(() => {
        clearTimeout(late);
        go();
      });
    });
  const visible = (e) => !!e && e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
  const text = (e) => ((e && e.textContent) || "").trim();
  const reached = (want) => {
    const e = document.querySelector(want.shown);
    if (!visible(e)) return false;
    if (want.any && !document.querySelector(want.any)) return false;
    if (want.attribute && e.getAttribute(want.attribute) !== want.value) return false;
    return !want.text || text(e) !== "";
  };
  const report = (state) => {
    const navigation = performance.getEntriesByType("navigation")[0];
    const resources = performance.getEntriesByType("resource");
    const failed = resources.findLast((r) => r.startTime >= ask.since && r.responseStatus >= 400);
    let bytes = 0;
    for (const r of resources) if (r.responseEnd >= ask.since) bytes += r.transferSize || 0;
    if (ask.since === 0 && navigation) bytes += navigation.transferSize || 0;
    return {
      state,
      text: state === "error" ? text(document.querySelector(ask.errorAt)).slice(0, 200) : "",
      origin: performance.timeOrigin,
      now: performance.now(),
      firstByte: navigation ? navigation.responseStart : 0,
      domReady: navigation ? navigation.domContentLoadedEventEnd : 0,
      status: failed ? failed.responseStatus : navigation ? navigation.responseStatus : 0,
      bytes,
    };
  };
  for (;;) {
    if (location.protocol === "chrome-error:") {
      const code = (document.documentElement.innerText.match(/ERR_[A-Z0-9_]+/) || ["an unknown error"])[0];
      return { ...report("broken"), text: code };
    }
    if (performance.timeOrigin > ask.after) {
      const navigation = performance.getEntriesByType("navigation")[0];
      if (navigation && navigation.responseStatus >= 400) return report("status");
      // Before that the page's own clock has not come to the end of its phases.
      const parsed = !navigation || navigation.domContentLoadedEventEnd > 0;
      const want = parsed && ask.want.find(reached);
      if (want) {
        // The callback of one frame runs before it is painted, that of the next one after.
        await frame();
        await frame();
        return report(want.state);
      }
    }
    await frame();
  }
})
