// What the document's own clocks say since it began: paints (ms after its time origin, 0: none yet) and long tasks.
(async () => {
  const key = Symbol.for("pegel.measures");
  let m = globalThis[key];
  if (!m) {
    m = globalThis[key] = { first: 0, largest: 0, tasks: 0, taskTime: 0 };
    const watch = (type, note) => new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
    watch("largest-contentful-paint", (e) => (m.largest = e.startTime));
    watch("longtask", (e) => {
      m.tasks++;
      m.taskTime += e.duration;
    });
    await new Promise((go) => setTimeout(go, 20)); // what is buffered comes in tasks of its own
  }
  const first = performance.getEntriesByName("first-contentful-paint")[0];
  return { ...m, first: first ? first.startTime : 0, origin: performance.timeOrigin };
})
