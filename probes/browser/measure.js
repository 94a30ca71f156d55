// What the document's own clocks say since it began: paints (ms after its time origin, 0: none yet) and long tasks. Waits up
// to limit ms for the first paint of text or of a picture.
(async (limit) => {
  const paint = () => performance.getEntriesByName("first-contentful-paint")[0];
  const key = Symbol.for("pegel.measures");
  const began = performance.now();
  while (!paint() && performance.now() - began < limit) await new Promise((go) => setTimeout(go, 10));
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
  const first = paint();
  return { ...m, first: first ? first.startTime : 0, origin: performance.timeOrigin };
})
