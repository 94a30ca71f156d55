// Draws the report's charts from the data in #data. Each kind of chart is one function from (data, theme, width) to
// ECharts options; what it cannot show is in the table behind it.
(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const T = (key) => data.text[key] || key;
  const html = (s) => echarts.format.encodeHTML(String(s));

  // Okabe and Ito's palette; yellow is too faint on white and black is the ink.
  const hue = { blue: "#0072b2", orange: "#e69f00", green: "#009e73", pink: "#cc79a7", sky: "#56b4e9", red: "#d55e00" };
  const light = { ink: "#1c2430", quiet: "#5b6675", line: "#dfe3e8", grid: "#eceff2", page: "#ffffff", main: "#0072b2",
    band: "rgba(0,114,178,0.14)", column: "rgba(0,158,115,0.16)", columnLine: "#00694d", wash: "#f0f2f5", stop: "#b84a00",
    second: "rgba(204,121,167,0.14)", secondLine: "rgba(204,121,167,0.30)", secondInk: "#8f3f6c",
    heat: ["#e3eef6", "#a9cfe6", "#56a5d1", "#0072b2", "#00426b"],
    series: [hue.blue, hue.orange, hue.green, hue.pink, hue.sky, hue.red, "#6b7785"] };
  const dark = { ink: "#e6eaf0", quiet: "#9aa6b4", line: "#36414d", grid: "#242d37", page: "#12171e", main: "#56b4e9",
    band: "rgba(86,180,233,0.20)", column: "rgba(0,158,115,0.28)", columnLine: "#45cfa6", wash: "#1d252f", stop: "#ff9251",
    second: "rgba(204,121,167,0.18)", secondLine: "rgba(204,121,167,0.32)", secondInk: "#eba6cd",
    heat: ["#1c3446", "#23577a", "#2f86b8", "#7cc4f0", "#e2f3ff"],
    series: [hue.sky, hue.orange, "#2cc295", hue.pink, "#4a90d0", "#ff7a2e", "#8996a4"] };
  const shapes = ["circle", "triangle", "rect", "diamond", "emptyCircle", "emptyTriangle", "emptyRect"];

  // Numbers, as Go's side of the report writes them.
  function group(s) {
    let [whole, fraction] = s.replace("-", "−").split(".");
    whole = whole.replace(/\B(?=(\d{3})+(?!\d))/g, data.thousands);
    return fraction ? whole + data.decimal + fraction : whole;
  }
  const fixed = (v, d) => group(v.toFixed(d));
  const count = (v) => fixed(Math.round(v), 0);
  function amount(v) {
    const a = Math.abs(v);
    if (Number.isInteger(v)) return fixed(v, 0);
    return fixed(v, a >= 100 ? 0 : a >= 10 ? 1 : a >= 0.1 ? 2 : Math.min(1 - Math.floor(Math.log10(a)), 6));
  }
  function ms(v) {
    if (!(v > 0)) return "–";
    if (v < 0.0995) return fixed(v, 3) + " ms";
    if (v < 0.995) return fixed(v, 2) + " ms";
    if (v < 9.95) return fixed(v, 1) + " ms";
    if (v < 999.5) return fixed(v, 0) + " ms";
    return v < 9995 ? fixed(v / 1000, 2) + " s" : fixed(v / 1000, 1) + " s";
  }
  const plain = (v) => group(String(Number(v.toPrecision(3))));
  const msTick = (v) => (v >= 1000 ? plain(v / 1000) + " s" : plain(v) + " ms");
  function clock(s) {
    s = Math.round(s);
    const two = (n) => String(n).padStart(2, "0");
    const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return h ? h + ":" + two(m) + ":" + two(s % 60) : m + ":" + two(s % 60);
  }

  // Axes.
  const text = (t, size) => ({ color: t.quiet, fontSize: size || 12 });
  const axis = (t, more) => Object.assign({
    type: "value", axisLine: { show: true, onZero: false, lineStyle: { color: t.quiet } }, axisTick: { show: true, lineStyle: { color: t.quiet } },
    axisLabel: Object.assign(text(t), { hideOverlap: true }), nameTextStyle: text(t),
    splitLine: { show: true, lineStyle: { color: t.grid } },
  }, more, { axisLabel: Object.assign(text(t), { hideOverlap: true }, more && more.axisLabel) });
  const loadAxis = (t, more) => axis(t, Object.assign({ min: 0, name: T("users"), nameLocation: "middle", nameGap: 30,
    splitLine: { show: false } }, more, { axisLabel: Object.assign({ formatter: count, showMaxLabel: false }, more && more.axisLabel) }));
  const timeStep = (most, parts) => [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800].find((s) => most / s <= parts) || 86400;
  const timeAxis = (t, most, more) => axis(t, Object.assign({ min: 0, max: most, interval: timeStep(most, 9), splitLine: { show: false } }, more,
    { axisLabel: Object.assign({ formatter: clock, showMaxLabel: false }, more && more.axisLabel) }));
  // Limits of a logarithmic axis around the values, on 1, 2 or 5 of a decade, and the labels that fit.
  function logRange(values) {
    const finite = values.filter((v) => v > 0 && isFinite(v));
    if (!finite.length) return [1, 10];
    const nice = (v, up) => {
      const base = Math.pow(10, Math.floor(Math.log10(v)));
      const steps = [1, 2, 5, 10].map((s) => s * base);
      return up ? steps.find((s) => s >= v * 0.999) : steps.reverse().find((s) => s <= v * 1.001);
    };
    let low = nice(Math.min(...finite) * 0.85, false), high = nice(Math.max(...finite) * 1.15, true);
    if (high / low < 8) { low = nice(low / 1.5, false); high = nice(high * 1.5, true); }
    return [low, high];
  }
  // A logarithmic scale is drawn on a linear axis of log10 values, so that 1, 2 and 5 of each decade get their labels.
  const lg = (v) => (v > 0 ? Math.log10(v) : null);
  function logAxis(t, range, roomy, more) {
    const marks = [];
    const decades = Math.log10(range[1] / range[0]);
    const parts = decades > 2.5 || (!roomy && decades > 1.3) ? [1] : roomy || decades < 0.8 ? [1, 2, 5] : [1, 5];
    for (let e = Math.floor(Math.log10(range[0])) - 1; e <= Math.ceil(Math.log10(range[1])); e++) {
      for (const p of parts) {
        const v = p * Math.pow(10, e);
        if (v >= range[0] * 0.999 && v <= range[1] * 1.001) marks.push(Math.log10(v));
      }
    }
    return axis(t, Object.assign({ min: Math.log10(range[0]), max: Math.log10(range[1]), axisTick: { show: false, customValues: marks },
      axisLine: { show: false, onZero: false }, splitLine: { show: true, lineStyle: { color: t.grid } } }, more,
    { axisLabel: Object.assign({ customValues: marks, formatter: (v) => msTick(Math.pow(10, v)) }, more && more.axisLabel) }));
  }
  const tip = (t, formatter, more) => Object.assign({ trigger: "item", backgroundColor: t.page, borderColor: t.line, confine: true,
    textStyle: { color: t.ink, fontSize: 13 }, formatter: formatter }, more);
  const base = (t, more) => Object.assign({ animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: t.ink } }, more);
  const legend = (t, names, more) => Object.assign({ data: names, top: 0, left: 0, itemGap: 18, itemWidth: 22, itemHeight: 10,
    textStyle: { color: t.ink, fontSize: 12.5 }, inactiveColor: t.line }, more);
  // Legend entries of lines without symbols.
  const solid = (name) => ({ name: name, icon: "path://M0 0h22v3h-22z" });
  const dashed = (name) => ({ name: name, icon: "path://M0 0h5v3h-5zM8.5 0h5v3h-5zM17 0h5v3h-5z" });
  const column = (t, interval, label, max) => !interval ? [] : [{
    type: "line", data: [], silent: true, z: 1,
    markArea: { silent: true, itemStyle: { color: t.column },
      data: [[{ xAxis: interval[0] }, { xAxis: interval[2] === null ? "max" : interval[2] }]] },
    markLine: { silent: true, symbol: "none", lineStyle: { color: t.columnLine, type: "solid", width: 1.5 },
      label: { show: !!label, formatter: label, position: "end", align: interval[1] > 0.7 * max ? "right" : "center", color: t.columnLine, fontSize: 13, fontWeight: 600, distance: 6 },
      data: [{ xAxis: interval[1] }] },
  }];
  // A hatched column, which is one in grey print too.
  const hatch = (from, to, color, gap) => ({ type: "custom", silent: true, clip: true, z: 1, data: [[0, 0]],
    renderItem: function (params, api) {
      const box = params.coordSys, bottom = box.y + box.height, at = (v) => Math.min(Math.max(api.coord([v, 0])[0], box.x), box.x + box.width);
      const left = at(from), right = at(to), lines = [];
      for (let x = left - box.height; x < right; x += gap) {
        const x1 = Math.max(x, left), x2 = Math.min(x + box.height, right);
        if (x2 > x1) lines.push({ type: "line", shape: { x1: x1, y1: bottom - (x1 - x), x2: x2, y2: bottom - (x2 - x) }, style: { stroke: color, lineWidth: 1 } });
      }
      return { type: "group", children: lines };
    } });
  // The stages' holds as bars along the top of a chart over time, with their loads.
  function holds(t, list, labels) {
    return { type: "custom", silent: true, clip: false, z: 6, data: list.map((b) => [b[0], b[1], null]),
      encode: { x: [0, 1] }, // no third dimension: it would stretch the vertical axis
      renderItem: function (params, api) {
        const box = params.coordSys;
        const x0 = api.coord([api.value(0), 0])[0], x1 = api.coord([api.value(1), 0])[0];
        const children = [{ type: "rect", shape: { x: x0, y: box.y - 5, width: Math.max(x1 - x0, 1), height: 3 }, style: { fill: t.quiet } }];
        const label = count(list[params.dataIndex][2]);
        if (labels && x1 - x0 > 7 * label.length) {
          children.push({ type: "text", style: { text: label, x: (x0 + x1) / 2, y: box.y - 9, align: "center", verticalAlign: "bottom",
            fill: t.quiet, fontSize: 12 } });
        }
        return { type: "group", children: children };
      } };
  }

  const draw = {};

  draw.edge = function (c, t, width) {
    const curve = c.curve.filter((p) => p[2] > 0 && (c.determined || p[0] <= Math.max(c.measured, c.lower)));
    const points = c.points.filter((p) => p[1] > 0);
    const cap = 40 * Math.max(c.limit, ...points.map((p) => p[1]), 1e-3);
    const range = logRange([].concat(points.flatMap((p) => [p[1], p[2], p[3]]), c.limit,
      curve.flatMap((p) => [p[1], Math.min(p[2], cap), Math.min(p[3], cap)].filter((v) => v <= cap))));
    // Above the chart's range the curve would only draw steep lines; ten times the objective says enough.
    if (c.limit > 0 && range[1] > 10 * c.limit && !points.some((p) => Math.max(p[1], p[3]) > 10 * c.limit)) range[1] = 10 * c.limit;
    const max = c.max, y0 = Math.log10(range[0]), y1 = Math.log10(range[1]);
    const inside = (v) => Math.min(Math.max(lg(v), y0 - 1), y1 + 1);
    const seen = curve.filter((p) => p[0] <= c.measured);
    const beyond = curve.filter((p) => p[0] > c.measured);
    if (seen.length && beyond.length) beyond.unshift(seen[seen.length - 1]);
    const line = (list) => list.map((p) => [p[0], inside(p[2])]);
    const bar = points.filter((p) => p[3] > 0);
    const seenName = c.staging ? T("measured-staging") : T("measured");
    const mark = { go: ["circle", hue.green], caution: ["triangle", hue.orange], "no-go": ["diamond", hue.red] };
    const series = column(t, c.interval, width > 560 ? c.intervalText : "", c.max).concat([
      { name: T("band"), type: "custom", silent: true, clip: true, z: 2, data: curve.length ? [[0, 0]] : [], itemStyle: { color: t.band },
        renderItem: function (params, api) {
          const upper = curve.map((p) => api.coord([p[0], inside(p[3])])), lower = curve.map((p) => api.coord([p[0], inside(p[1])]));
          return { type: "polygon", shape: { points: upper.concat(lower.reverse()) }, style: { fill: t.band } };
        } },
      { name: T("curve"), type: "line", symbol: "none", silent: true, clip: true, data: line(seen), z: 3, lineStyle: { color: t.main, width: 2.5 }, itemStyle: { color: t.main } },
      { name: T("beyond"), type: "line", symbol: "none", silent: true, clip: true, data: line(beyond), z: 3,
        lineStyle: { color: t.main, width: 2.5, type: [7, 5] }, itemStyle: { color: t.main } },
      { type: "custom", silent: true, clip: true, z: 4, data: bar.map((p) => [p[0], lg(p[2]), lg(p[3])]), encode: { x: 0, y: [1, 2] },
        renderItem: function (params, api) {
          const low = api.coord([api.value(0), api.value(1)]), high = api.coord([api.value(0), api.value(2)]);
          const stroke = { stroke: t.ink, lineWidth: 1.5 };
          const tick = (at) => ({ type: "line", shape: { x1: at[0] - 5, y1: at[1], x2: at[0] + 5, y2: at[1] }, style: stroke });
          return { type: "group", children: [{ type: "line", shape: { x1: low[0], y1: low[1], x2: high[0], y2: high[1] }, style: stroke }, tick(low), tick(high)] };
        } },
      { name: seenName, type: "scatter", z: 5, symbolSize: 11, data: points.filter((p) => p[4]).map((p) => [p[0], lg(p[1]), p]),
        itemStyle: { color: t.main, borderColor: t.page, borderWidth: 1.5, opacity: 1 } },
      { name: T("unused"), type: "scatter", z: 5, symbol: "emptyCircle", symbolSize: 10, data: points.filter((p) => !p[4]).map((p) => [p[0], lg(p[1]), p]),
        itemStyle: { color: t.quiet } },
    ]);
    if (c.limit > 0) {
      series.push({ type: "line", data: [], markLine: { silent: true, symbol: "none", z: 4, lineStyle: { color: t.stop, width: 2, type: "solid" },
        label: { formatter: T("objective") + " " + c.limitText, position: "insideStartTop", color: t.stop, fontSize: 13, fontWeight: 600 },
        data: [{ yAxis: lg(c.limit) }] } });
    }
    if (c.worst) {
      const end = c.worst[2] === null ? "max" : c.worst[2];
      series.push({ type: "line", data: [], silent: true, z: 1,
        markArea: { silent: true, itemStyle: { color: t.second }, data: [[{ xAxis: c.worst[0] }, { xAxis: end }]] },
        markLine: { silent: true, symbol: "none", lineStyle: { color: t.secondInk, type: [8, 3], width: 1.5 },
          label: { formatter: c.worstText, position: "insideEndTop", color: t.secondInk, fontSize: 12.5, fontWeight: 600, textBorderColor: t.page, textBorderWidth: 3 },
          data: [{ xAxis: c.worst[1] }] } }, hatch(c.worst[0], c.worst[2] === null ? max : c.worst[2], t.secondLine, 9));
    }
    if (c.truth > 0) {
      series.push({ type: "line", data: [], markLine: { silent: true, symbol: "none", z: 4, lineStyle: { color: t.ink, width: 1.5, type: [2, 3] },
        label: { formatter: T("truth") + " " + count(c.truth), position: c.interval && c.truth > c.interval[1] ? "insideEndBottom" : "insideEndTop", color: t.ink, fontSize: 12, textBorderColor: t.page, textBorderWidth: 2 }, data: [{ xAxis: c.truth }] } });
    }
    if (!c.determined) {
      const from = Math.max(c.lower, 0);
      series.push({ type: "line", data: [], silent: true, z: 1, markArea: { silent: true,
        itemStyle: { color: t.wash },
        label: { position: "inside", formatter: T("unknown"), color: t.quiet, fontSize: 15, fontWeight: 600, textBorderColor: t.wash, textBorderWidth: 6 },
        data: [[{ xAxis: from, yAxis: y0 }, { xAxis: max, yAxis: y1 }]] } }, hatch(from, max, t.line, 12));
    }
    const batches = c.batches.filter((b) => b[0] <= max);
    series.push({ name: T("batch"), type: "scatter", z: 7, itemStyle: { color: t.quiet }, clip: false, cursor: "default",
      data: batches.map((b) => ({ value: [b[0], y0, b], symbol: (mark[b[2]] || ["circle"])[0], itemStyle: { color: (mark[b[2]] || [0, t.quiet])[1], borderColor: t.page, borderWidth: 1, opacity: 1 } })),
      symbolSize: 13, labelLayout: { hideOverlap: true },
      label: { show: true, position: "top", distance: 5, formatter: (p) => p.value[2][1], color: t.ink, fontSize: 12, textBorderColor: t.page, textBorderWidth: 3 } });
    const names = [seenName, T("curve"), T("beyond"), T("band")];
    if (points.some((p) => !p[4])) names.push(T("unused"));
    if (batches.length) names.push(T("batch"));
    const shown = names.filter((n) => curve.length || ![T("curve"), T("beyond"), T("band")].includes(n)).filter((n) => (seen.length || n !== T("curve")) && (beyond.length || n !== T("beyond")));
    const second = c.accounts > 0, more = width < 560 ? 24 : 0; // the legend's second line
    return base(t, {
      legend: legend(t, shown.map((n) => (n === T("curve") ? solid(n) : n === T("beyond") ? dashed(n) : n)), { selectedMode: false, left: 8 }),
      grid: { left: 64, right: 24, top: (second ? 112 : 66) + more, bottom: 48 },
      xAxis: [loadAxis(t, { max: max, axisLabel: { margin: 12 } })].concat(second ? [loadAxis(t, { max: max * c.accounts, position: "top", name: T("accounts"), nameGap: 26, offset: 24, axisLine: { show: false, onZero: false } })] : []),
      yAxis: logAxis(t, range, true), title: { text: c.label, left: 8, top: (second ? 52 : 34) + more, padding: 0, textStyle: { color: t.quiet, fontSize: 12, fontWeight: 400 } },
      tooltip: tip(t, (p) => {
        const v = p.value[2];
        if (p.seriesName === T("batch")) return html(T("batch") + " " + v[1]) + "<br>" + count(v[0]) + " " + T("users") + "<br>" + html(T(v[2]));
        return count(v[0]) + " " + T("users") + "<br><b>" + ms(v[1]) + "</b>" + (v[3] > 0 ? " (" + ms(v[2]) + " – " + ms(v[3]) + ")" : "");
      }),
      series: series,
    });
  };

  draw.use = function (c, t) {
    let top = 105;
    c.series.forEach((s) => s.points.forEach((p) => { top = Math.max(top, p[1] * 1.05); }));
    const series = column(t, c.interval, "");
    c.series.forEach((s, i) => {
      const color = t.series[i % t.series.length];
      series.push({ name: s.name, type: "line", symbol: shapes[i % shapes.length], symbolSize: 8, color: color, z: 3,
        data: s.points.map((p) => [p[0], p[1], p[2]]), lineStyle: { width: 2, color: color } });
      if (s.beyond.length) {
        const last = s.points[s.points.length - 1];
        series.push({ name: s.name, type: "line", symbol: "none", silent: true, clip: true, color: color, z: 2, data: [[last[0], last[1]]].concat(s.beyond.slice(1)),
          lineStyle: { width: 1.5, color: color, type: [5, 4] } });
      }
    });
    series.push({ type: "line", data: [], markLine: { silent: true, symbol: "none", lineStyle: { color: t.stop, width: 2, type: "solid" },
      label: { formatter: T("limit"), position: "insideStartTop", color: t.stop, fontWeight: 600 }, data: [{ yAxis: 100 }] } });
    return base(t, {
      legend: legend(t, c.series.map((s) => s.name), { type: "scroll", left: 8 }),
      grid: { left: 56, right: 24, top: 44, bottom: 48 }, xAxis: loadAxis(t, { max: c.max }),
      yAxis: axis(t, { min: 0, max: Math.min(Math.ceil(top / 20) * 20, 400), axisLine: { show: false, onZero: false }, axisTick: { show: false }, axisLabel: { formatter: (v) => count(v) + " %" } }),
      tooltip: tip(t, (p) => html(p.seriesName) + "<br>" + count(p.value[0]) + " " + T("users") + "<br><b>" + amount(p.value[1]) + " %</b> " + T("of-limit") +
        (p.value[2] > 0 ? "<br>" + amount(p.value[2]) + " " + T("queue") : "")),
      series: series,
    });
  };

  draw.effects = function (c, t) {
    // One colour for each cause, in every report the same; the stretch that was there before is grey.
    const shade = { users: t.main, copy: t.series[1], fresh: t.series[2], drift: t.series[3], rest: t.series[6] };
    const segment = (name, value, label, color, ink) => ({ name: name, type: "bar", stack: "all", barWidth: 44, data: [value], color: color,
      itemStyle: { borderColor: t.page, borderWidth: 1 }, labelLayout: { hideOverlap: true },
      label: { show: value > 0.05 * Math.max(c.to, c.limit), formatter: label, color: ink, fontSize: 12.5, fontWeight: 600 } });
    const series = [segment(c.fromName, c.from, c.fromText, t.line, t.ink)].concat(c.parts.map((p) =>
      segment(p.name, p.ms, p.text, shade[p.kind] || t.quiet, p.kind === "users" && t === light ? "#ffffff" : "#1c2430")));
    if (c.limit > 0) {
      series.push({ type: "bar", stack: "all", data: [], markLine: { silent: true, symbol: "none", lineStyle: { color: t.stop, width: 2, type: "solid" },
        label: { formatter: T("objective") + " " + c.limitText, position: "end", color: t.stop, fontSize: 12, fontWeight: 600 }, data: [{ xAxis: c.limit }] } });
    }
    return base(t, {
      legend: legend(t, [c.fromName].concat(c.parts.map((p) => p.name)), { left: 8, type: "scroll" }),
      grid: { left: 12, right: 28, top: 50, bottom: 30 },
      xAxis: axis(t, { min: 0, max: Math.max(c.to, c.limit) * 1.03, axisTick: { show: false }, splitNumber: 6,
        axisLabel: { formatter: (v) => (v === 0 ? "0" : msTick(v)), showMaxLabel: false } }),
      yAxis: { type: "category", data: [""], axisTick: { show: false }, axisLine: { lineStyle: { color: t.quiet } } },
      tooltip: tip(t, (p) => html(p.seriesName) + " <b>" + ms(p.value) + "</b>"),
      series: series,
    });
  };

  draw.resource = function (c, t) {
    const most = c.at[c.at.length - 1], pairs = (list) => c.at.map((s, i) => [s, list[i]]);
    const limited = c.limit.some((v) => v > 0), queued = c.queue.some((v) => v > 0);
    const series = [{ name: T("in-use"), type: "line", symbol: "none", data: pairs(c.used), color: t.main, lineStyle: { width: 1.5 }, areaStyle: { opacity: 0.12 } }];
    if (queued) series.push({ name: T("queue"), type: "line", symbol: "none", data: pairs(c.queue), color: hue.orange, lineStyle: { width: 1.5, type: [4, 2] } });
    if (limited) series.push({ name: T("limit"), type: "line", step: "end", symbol: "none", data: pairs(c.limit), color: t.stop, lineStyle: { width: 1.5 } });
    return base(t, {
      legend: legend(t, series.map((s) => (s.name === T("queue") ? dashed : solid)(s.name)), { itemGap: 12, itemWidth: 16, textStyle: { color: t.quiet, fontSize: 11.5 } }),
      grid: { left: 8, right: 12, top: 36, bottom: 6, containLabel: true },
      xAxis: timeAxis(t, most, { interval: timeStep(most, 4), axisLabel: { fontSize: 11 } }),
      yAxis: axis(t, { min: 0, splitNumber: 3, axisLine: { show: false, onZero: false }, axisTick: { show: false }, axisLabel: { fontSize: 11, formatter: (v) => plain(v) } }),
      tooltip: tip(t, (list) => clock(list[0].value[0]) + list.map((p) => "<br>" + html(p.seriesName) + " <b>" + amount(p.value[1]) + "</b>").join(""), { trigger: "axis" }),
      series: series.concat([holds(t, c.borders, false)]),
    });
  };

  draw.percentiles = function (c, t) {
    const goals = c.goals.slice(0, 3), range = logRange([].concat(c.p50, c.p95, c.p99, goals.map((g) => g[0])));
    const one = (key, i, type) => ({ name: key, type: "line", symbol: shapes[i], symbolSize: 7, color: [t.series[4], t.main, t.series[1]][i],
      data: c.users.map((u, j) => [u, lg(c[key][j]), c[key][j]]), lineStyle: { width: i === 1 ? 2.5 : 1.5, type: type } });
    const series = [one("p50", 0, "solid"), one("p95", 1, "solid"), one("p99", 2, [5, 3])];
    if (goals.length) {
      series.push({ type: "line", data: [], markLine: { silent: true, symbol: "none", lineStyle: { color: t.stop, width: 1.5, type: "solid" },
        data: goals.map((g) => ({ yAxis: lg(g[0]), label: { formatter: g[1], position: "insideStartTop", color: t.stop, fontSize: 11, textBorderColor: t.page, textBorderWidth: 3 } })) } });
    }
    return base(t, {
      legend: legend(t, ["p50", "p95", "p99"], { itemGap: 12, itemWidth: 18, itemHeight: 8, textStyle: { color: t.quiet, fontSize: 11.5 } }),
      grid: { left: 8, right: 14, top: 30, bottom: 6, containLabel: true },
      xAxis: loadAxis(t, { name: "", max: Math.max(...c.users) * 1.04, splitNumber: 4, axisLabel: { fontSize: 11 } }),
      yAxis: logAxis(t, range, false, { axisLabel: { fontSize: 11 } }),
      tooltip: tip(t, (list) => count(list[0].value[0]) + " " + T("users") + list.map((p) => "<br>" + p.seriesName + " <b>" + ms(p.value[2]) + "</b>").join(""), { trigger: "axis" }),
      series: series,
    });
  };

  const scale = "0123456789abcdefghijklmnopqrstuvwxyz";
  function mix(stops, share) {
    const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
    return echarts.color.lerp(at - i, [stops[i], stops[i + 1]]);
  }
  draw.heat = function (c, t) {
    const cells = [], top = c.edges.length - 1;
    let lowest = top, strongest = 1;
    c.cells.forEach((column, i) => {
      const row = parseInt(column.slice(0, 2), 10);
      for (let j = 2; j < column.length; j++) {
        const level = scale.indexOf(column[j]);
        if (level > 0) {
          cells.push([c.from[i], c.to[i], row + j - 2, level]);
          lowest = Math.min(lowest, row + j - 2);
          strongest = Math.max(strongest, level);
        }
      }
    });
    const most = c.to[c.to.length - 1], low = Math.max(c.edges[Math.min(lowest, top)], c.edges[0] / 2), high = c.edges[top];
    const color = [];
    for (let level = 0; level <= strongest; level++) color.push(mix(t.heat, (level - 1) / Math.max(strongest - 1, 1)));
    const over = (name, list, type, shade) => ({ name: name, type: "line", symbol: "none", silent: true, z: 5, data: c.to.map((s, i) => [s - (s - c.from[i]) / 2, lg(list[i])]),
      color: shade, lineStyle: { width: 2, type: type, color: shade, shadowColor: t.page, shadowBlur: 3 } });
    return base(t, {
      grid: { left: 64, right: 24, top: 58, bottom: 34 },
      legend: legend(t, [solid("p50"), dashed("p99")], { right: 20, left: "auto", selectedMode: false }),
      graphic: [{ type: "text", left: 8, top: 3, style: { text: T("users"), fill: t.quiet, fontSize: 12 } }],
      xAxis: timeAxis(t, most), yAxis: logAxis(t, [low, high], true),
      tooltip: tip(t, (p) => clock(p.value[1]) + "<br>" + ms(c.edges[p.value[2]]) + " – " + ms(c.edges[p.value[2] + 1]) + "<br>" +
        T("responses") + " <b>" + count(Math.max(1, Math.pow(2, (p.value[3] - 1) / 2))) + "</b>"),
      series: [
        { type: "custom", clip: true, z: 2, data: cells, encode: { x: [0, 1] }, progressive: 0,
          renderItem: function (params, api) {
            const row = api.value(2);
            const a = api.coord([api.value(0), Math.log10(c.edges[row])]), b = api.coord([api.value(1), Math.log10(c.edges[Math.min(row + 1, top)])]);
            const x = Math.floor(a[0]), y = Math.floor(b[1]);
            return { type: "rect", shape: { x: x, y: y, width: Math.max(Math.floor(b[0]) - x, 1), height: Math.max(Math.floor(a[1]) - y, 1) }, style: { fill: color[api.value(3)] } };
          } },
        over("p50", c.p50, "solid", t.ink), over("p99", c.p99, [4, 3], t.stop), holds(t, c.borders, true),
        { type: "line", data: [], markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: t.quiet, width: 1, type: [2, 3], opacity: 0.7 },
          data: c.borders.flatMap((b) => [{ xAxis: b[0] }, { xAxis: b[1] }]) } },
      ],
    });
  };

  draw.phases = function (c, t, width) {
    const n = c.panels.length, beside = width > 640 && n > 1;
    const most = Math.max(...c.panels.map((p) => Math.max(...c.actions.map((_, i) => p.series.reduce((sum, s) => sum + s[i], 0))))) * 1.02;
    const grids = [], xs = [], ys = [], titles = [], series = [];
    c.panels.forEach((p, k) => {
      const side = { top: 64, bottom: 30, containLabel: false };
      grids.push(Object.assign(side, !beside ? { left: 120, right: 24, top: k ? "56%" : 64, height: n > 1 ? "33%" : "auto" } :
        k ? { left: "57%", right: 24 } : { left: 120, right: "46%" }));
      xs.push(axis(t, { gridIndex: k, min: 0, max: most, splitNumber: 4, axisLine: { show: false, onZero: false }, axisTick: { show: false },
        axisLabel: { formatter: (v) => (v === 0 ? "0" : msTick(v)), showMaxLabel: false } }));
      ys.push({ type: "category", gridIndex: k, data: c.actions, inverse: true, axisTick: { show: false }, axisLine: { lineStyle: { color: t.quiet } },
        axisLabel: { show: !beside || k === 0, color: t.ink, fontSize: 12, width: 108, overflow: "truncate" } });
      titles.push({ text: p.title, left: beside && k ? "57%" : 120, top: !beside && k ? "48%" : 34, textStyle: { color: t.quiet, fontSize: 13, fontWeight: 500 }, padding: 0 });
      c.phases.forEach((phase, i) => series.push({ name: phase, type: "bar", stack: "p" + k, xAxisIndex: k, yAxisIndex: k, barWidth: "62%", data: p.series[i],
        itemStyle: { color: t.series[i % t.series.length], borderColor: t.page, borderWidth: 0.5 } }));
    });
    return base(t, { legend: legend(t, c.phases, { left: 8 }), grid: grids, xAxis: xs, yAxis: ys, title: titles,
      tooltip: tip(t, (list) => html(list[0].name) + list.filter((p) => p.value > 0).map((p) => "<br>" + html(p.seriesName) + " <b>" + ms(p.value) + "</b>").join(""),
        { trigger: "axis", axisPointer: { type: "shadow" } }), series: series });
  };

  draw.failed = function (c, t) {
    const most = c.at[c.at.length - 1];
    const series = c.names.map((name, i) => ({ name: name, type: "line", step: "end", stack: "failed", symbol: "none", color: t.series[[5, 1, 0, 3, 2, 4, 6][i % 7]],
      lineStyle: { width: 0.5 }, areaStyle: { opacity: 0.85 }, data: c.at.map((s, j) => [s, c.series[i][j]]) }));
    series.push({ name: T("users"), type: "line", step: "end", symbol: "none", yAxisIndex: 1, color: t.quiet, lineStyle: { width: 1.5, type: [4, 3] }, data: c.at.map((s, i) => [s, c.users[i]]) });
    return base(t, {
      legend: legend(t, c.names.map((n) => ({ name: n, icon: "rect" })).concat([dashed(T("users"))]), { type: "scroll", left: 8 }),
      grid: { left: 56, right: 64, top: 56, bottom: 34 }, xAxis: timeAxis(t, most),
      yAxis: [axis(t, { min: 0, name: T("failures"), axisLine: { show: false, onZero: false }, axisTick: { show: false }, axisLabel: { formatter: plain }, splitNumber: 4, nameGap: 10, nameTextStyle: Object.assign(text(t), { align: "left", padding: [0, 0, 0, -48] }) }),
        axis(t, { min: 0, position: "right", axisLine: { show: false, onZero: false }, axisTick: { show: false }, splitLine: { show: false }, splitNumber: 4, axisLabel: { formatter: count } })],
      tooltip: tip(t, (list) => clock(list[0].value[0]) + list.filter((p) => p.value[1] > 0).map((p) => "<br>" + html(p.seriesName) + " <b>" + amount(p.value[1]) + "</b>").join(""), { trigger: "axis" }),
      series: series.concat([holds(t, c.borders, false)]),
    });
  };

  draw.lag = function (c, t) {
    const most = c.at[c.at.length - 1], quiet = { axisLine: { show: false, onZero: false }, axisTick: { show: false }, min: 0, splitNumber: 3 };
    const title = (s, top) => ({ text: s, left: 8, top: top, padding: 0, textStyle: { color: t.quiet, fontSize: 12, fontWeight: 400 } });
    const grids = [{ left: 64, right: 24, top: 34, height: "32%" }, { left: 64, right: 24, bottom: 32, height: "32%" }];
    return base(t, {
      title: [title(T("lag"), 4), title(T("cpu"), "50%")], grid: grids,
      xAxis: [timeAxis(t, most, { axisLabel: { show: false } }), timeAxis(t, most, { gridIndex: 1 })],
      yAxis: [axis(t, Object.assign({}, quiet, { axisLabel: { formatter: (v) => (v === 0 ? "0" : msTick(v)) } })),
        axis(t, Object.assign({}, quiet, { gridIndex: 1, axisLabel: { formatter: (v) => count(v) + " %" } }))],
      axisPointer: { link: [{ xAxisIndex: "all" }] },
      tooltip: tip(t, (list) => clock(list[0].value[0]) + list.map((p) => "<br>" + html(p.seriesName) + " <b>" + (p.seriesIndex ? amount(p.value[1]) + " %" : ms(p.value[1])) + "</b>").join(""), { trigger: "axis" }),
      series: [
        { name: T("lag"), type: "line", symbol: "none", color: t.main, lineStyle: { width: 1.5 }, areaStyle: { opacity: 0.12 }, data: c.lag.map((v, i) => [c.at[i], v]) },
        { name: "CPU", type: "line", symbol: "none", xAxisIndex: 1, yAxisIndex: 1, color: t.series[1], lineStyle: { width: 1.5 }, areaStyle: { opacity: 0.12 }, data: c.cpu.map((v, i) => [c.at[i], v]) },
        holds(t, c.borders, true),
      ],
    });
  };

  const drawn = [];
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  function show(entry, theme) {
    try {
      entry.chart.setOption(draw[entry.spec.kind](entry.spec, theme, entry.chart.getWidth()), true);
    } catch (error) { // the other charts are worth seeing all the same
      console.error(entry.element.id, error);
    }
  }
  document.querySelectorAll("[data-chart]").forEach((element) => {
    const spec = data.charts[element.dataset.chart];
    if (!spec) return;
    // The heat map has thousands of cells, which only a canvas draws quickly; lines are sharper on paper as SVG.
    const chart = echarts.init(element, null, { renderer: spec.kind === "heat" ? "canvas" : "svg", devicePixelRatio: Math.max(2, window.devicePixelRatio) });
    const entry = { chart: chart, spec: spec, element: element, width: element.clientWidth };
    drawn.push(entry);
    show(entry, media.matches ? dark : light);
    new ResizeObserver(() => {
      if (element.clientWidth === entry.width) return;
      entry.width = element.clientWidth;
      chart.resize();
      show(entry, media.matches ? dark : light);
    }).observe(element);
  });
  const all = (theme) => drawn.forEach((entry) => show(entry, theme));
  media.addEventListener("change", () => all(media.matches ? dark : light));
  // On paper: light colours, and the width of A4, which the browser lays out only after this event.
  const paper = (entry) => (entry.element.classList.contains("small") ? 205 : 670);
  const heights = { tall: 360, wide: 270, small: 165, flat: 130 };
  window.addEventListener("beforeprint", () => drawn.forEach((entry) => {
    const kind = Object.keys(heights).find((k) => entry.element.classList.contains(k));
    entry.chart.resize({ width: paper(entry), height: heights[kind] });
    show(entry, light);
    entry.chart.getZr().flush();
  }));
  window.addEventListener("afterprint", () => drawn.forEach((entry) => {
    entry.chart.resize({ width: "auto", height: "auto" });
    show(entry, media.matches ? dark : light);
  }));
  document.documentElement.dataset.ready = "yes";
})();
