// Steps through page.steps. What a step shows follows from the steps up to it alone, so that any step can be gone to, forward and back.
const element = id => document.getElementById(id);
const { steps, units, heats } = page, isNeurons = page.view === "neurons";
let at = 0, timer = 0;

// ---- words

const escaped = text => String(text).replace(/[&<>"]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c]));
const adjointName = u => units[u].delta ? units[u].delta[0] : `∂${units[page.loss].text}/∂${units[u].text}`;
const ordinal = k => ["", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"][k] || k + "th";

function titleOf(s) {
  if (s.kind === "intro") return "Before we start";
  if (s.kind === "open") return "The way back has not been recorded";
  if (s.kind === "end") return "All gradients are complete";
  if (s.kind === "seed") return `Backward: it begins at ${units[s.unit].text}`;
  const name = units[s.unit].text;
  if (s.kind === "forward") return `Forward: ${{ sum: "weighted sum ", activation: "activation ", loss: "the loss ", op: "" }[s.role]}${name}`;
  if (s.role === "delta") return `Backward: ${adjointName(s.unit)}, through ${s.op}`;
  const what = { weight: "gradient of the weight", bias: "gradient of the bias", input: "message to", op: "message to" }[s.role];
  return `Backward: ${what} ${name} from ${units[s.from].text}`;
}

function wordsOf(s) {
  const sum = s.n > 1 ? s.k === 1 ? ` ${s.n} messages will meet here; this is the first one.` :
    ` This is the ${ordinal(s.k)} message of ${s.n}: it is added to what is there (+=). To overwrite instead of adding is the classical bug.` : "";
  switch (s.kind) {
    case "intro": return "Data and parameters are given. Every other number is computed once on the way forward (solid, from left to right), " +
      `and its adjoint, the derivative of ${units[page.loss].text} with respect to it, once on the way back (dashed, from right to left). ` +
      "Use → and ←, or the buttons.";
    case "open": return "No gradient of this value was recorded, so that adjoints are unknown: a dot is not a zero.";
    case "end": return "Each adjoint is the sum of the messages that arrived." +
      (s.worst ? ` The largest distance from a central difference, relative to its size, is ${s.worst}.` : "");
    case "seed": return `The derivative of ${units[s.unit].text} with respect to itself is 1: what all messages begin with.`;
    case "forward": return {
      sum: isNeurons ? "Each input is multiplied by its weight; the products and the bias are added. The inputs are kept: the way back needs them." :
        "All examples at once: the rows of the input times the matrix of weights, and the bias added to each row.",
      activation: `The weighted sum goes through ${s.op}, element by element.`,
      loss: "One number says how wrong the result is.",
      op: `One operation of the tape: ${s.op}.`
    }[s.role];
  }
  const words = {
    delta: `δ is the name of the derivative with respect to a weighted sum. What arrives is multiplied by the slope of ${s.op}.`,
    weight: isNeurons ? "The local derivative of a product by the weight is the other factor, the input kept from the way forward." :
      "The input kept from the way forward meets δ: the matrix product adds over all examples.",
    bias: isNeurons ? "The bias is added as it is: its local derivative is 1, so that it receives δ itself." :
      "The bias is added to each row: it receives the sum of the rows of δ.",
    input: isNeurons ? "The local derivative of a product by the input is the weight: δ goes back through the same wire." :
      "δ goes back through the weights, transposed.",
    op: `What arrives at ${units[s.from].text} is multiplied by the local derivative of ${s.op}.`
  }[s.role];
  return words + (s.part ? ` Only this example's part is shown: the gradient is a sum over all ${s.part[0]}.` : sum);
}

// ---- equations

const number = text => `<mn>${text}</mn>`;
const factor = text => text[0] === "−" ? `<mrow><mo>(</mo>${number(text)}<mo>)</mo></mrow>` : number(text);
const row = inside => `<mrow>${inside}</mrow>`;
const over = (a, b) => `<mfrac>${row(a)}${row(b)}</mfrac>`;
const derivative = u => over(`<mo>∂</mo>${units[page.loss].math}`, `<mo>∂</mo>${units[u].math}`);
const adjoint = u => units[u].delta ? units[u].delta[1] : derivative(u);
const named = (kind, inside) =>
  `<munder><mrow class="${kind}"><mrow class="under">${inside}</mrow></mrow><mtext class="${kind}">${kind}</mtext></munder>`;
const line = pieces => `<div class="equation-line">${pieces.map(p => `<math displaystyle="true">${row(p)}</math>`).join("")}</div>`;
const lowered = power => [...power].map(c => c === "⁻" ? "-" : "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c)).join("");
const texNumber = text => text.replace(/−/g, "-").replace("·", "\\cdot ").replace(/10([⁻⁰¹²³⁴-⁹]+)/, (_, power) => `10^{${lowered(power)}}`)
  .replace("infinity", "\\infty").replace("NaN", "\\mathrm{NaN}");
const texFactor = text => text[0] === "−" ? `(${texNumber(text)})` : texNumber(text);
const texDerivative = u => `\\frac{\\partial ${units[page.loss].tex}}{\\partial ${units[u].tex}}`;
const texAdjoint = u => units[u].delta ? units[u].delta[2] : texDerivative(u);
const texSign = sign => sign === "≈" ? "\\approx" : "=";

function forwardLines(s) {
  const lines = [];
  if (s.symbols.length) lines.push([units[s.unit].math + "<mo>=</mo>" + s.symbols[0], ...s.symbols.slice(1)]);
  const result = s.result ? `<mo>${s.result[0]}</mo><mrow class="message">${number(s.result[1])}</mrow>` : "";
  if (s.numbers) lines.push(["<mo>=</mo>" + s.numbers[0], ...s.numbers.slice(1), result]);
  else if (s.result) lines.push([units[s.unit].math + result]);
  return lines;
}

const plus = s => s.n > 1 ? "<mo>+=</mo>" : "<mo>=</mo>";

// upstream x local derivative, in symbols, in numbers, and with what arrived before
function symbolLine(s) {
  if (s.product !== undefined || typeof s.upstream === "object") {
    const right = s.product || `<mo>·</mo>`;
    const lines = [[derivative(s.unit) + (units[s.unit].delta ? "<mo>=</mo>" + adjoint(s.unit) : "") + plus(s) + right]];
    if (s.product && !s.named) lines.push(["<mi>g</mi><mo>=</mo>" + derivative(s.from)]);
    return lines;
  }
  const local = over("<mo>∂</mo>" + units[s.from].math, "<mo>∂</mo>" + units[s.unit].math);
  const left = (units[s.unit].delta ? adjoint(s.unit) + "<mo>=</mo>" : "") + derivative(s.unit) + plus(s);
  const pieces = [left + named("upstream", adjoint(s.from)) + "<mo>·</mo>" + named("local", local)];
  const formula = s.local_formula && (s.local_formula.startsWith("<mrow>") ? row(`<mo>(</mo>${s.local_formula}<mo>)</mo>`) : s.local_formula);
  if (formula) pieces.push(`<mo>=</mo>${adjoint(s.from)}<mo>·</mo>${formula}`);
  return [pieces];
}

function numberLines(s) {
  const lines = [];
  if (typeof s.upstream !== "string") return lines;
  const local = s.local_numbers ? s.local_numbers + `<mo>${s.local_relation}</mo>` + number(s.local) : null;
  if (local) lines.push(["<mrow class=\"local\">" + row("<mtext>local</mtext><mo>=</mo>" + local) + "</mrow>"]);
  lines.push(["<mo>=</mo>" + named("upstream", number(s.upstream)) + "<mo>×</mo>" + named("local", factor(s.local)) + `<mo>${s.relation}</mo>` +
    named("message", number(s.message))]);
  if (s.k > 1) lines.push([`${derivative(s.unit)}<mo>=</mo>${number(s.sum[0])}<mo>+</mo>${factor(s.sum[1])}`,
    `<mo>${s.sum[2]}</mo><mrow class="message">${number(s.sum[3])}</mrow>`]);
  return lines;
}

function texOf(s) {
  if (s.kind === "forward") {
    let tex = units[s.unit].tex + (s.tex.length ? " = " + s.tex.join(" ") : "");
    if (s.tex_numbers) tex += " = " + s.tex_numbers.join(" ");
    return tex + (s.result ? ` ${texSign(s.result[0])} ${texNumber(s.result[1])}` : "");
  }
  if (s.kind === "seed") return texDerivative(s.unit) + " = 1";
  if (s.kind !== "backward") return "";
  const left = texDerivative(s.unit) + (s.n > 1 ? " \\mathrel{+}= " : " = ");
  if (s.product_tex) return left + s.product_tex + (s.named ? "" : `,\\quad g = ${texDerivative(s.from)}`);
  const tex = `${left}${texAdjoint(s.from)} \\cdot \\frac{\\partial ${units[s.from].tex}}{\\partial ${units[s.unit].tex}}`;
  if (typeof s.upstream !== "string") return tex;
  return tex + ` = ${texFactor(s.upstream)} \\cdot ${texFactor(s.local)} ${texSign(s.relation)} ${texNumber(s.message)}`;
}

// ---- heat maps

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+";
const pictures = new Map();
const nothing = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

const isPrinted = () => document.documentElement.dataset.theme === "print";

function picture(key) {
  const heat = heats[key], style = getComputedStyle(document.documentElement), paint = document.createElement("canvas");
  const colour = name => style.getPropertyValue(name).trim();
  const [ground, high, low] = [colour("--ground"), colour("--forward"), colour("--backward")].map(c => {
    const hex = c.length === 4 ? c.slice(1).replace(/./g, "$&$&") : c.slice(1);
    return [0, 2, 4].map(i => parseInt(hex.slice(i, i + 2), 16));
  });
  paint.width = heat.cols;
  paint.height = heat.rows;
  const context = paint.getContext("2d"), image = context.createImageData(heat.cols, heat.rows);
  for (let i = 0; i < heat.cells.length; i++) {
    const step = heat.cells[i] === "!" ? null : (letters.indexOf(heat.cells[i]) - 31) / 31;
    const end = step > 0 ? high : low, part = Math.sqrt(Math.abs(step));
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = step === null ? [176, 0, 32][c] : ground[c] + (end[c] - ground[c]) * part;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return paint.toDataURL();
}

function pictureOf(key) {
  if (!pictures.has(key)) pictures.set(key, picture(key));
  return pictures.get(key);
}

function captionOf(key) {
  const heat = heats[key];
  const means = heat.means ? `means of blocks, ${heat.rows} × ${heat.cols} of them; ` : "";
  return means + (isPrinted() ? `from white, 0, to black, ±${heat.largest}` : `blue to +${heat.largest}, orange to −${heat.largest}`);
}

// ---- boxes

const matrixOf = m => m.heat && heats[m.heat] ? `<img src="${pictureOf(m.heat)}" alt="heat map, ${captionOf(m.heat)}" title="${captionOf(m.heat)}">` :
  m.rows ? `<table>${m.rows.map(r => `<tr>${r.map(c => `<td>${c}</td>`).join("")}</tr>`).join("")}</table>` : "";
const sizeOf = m => m.jacobian ? `Jacobian of norm ${m.jacobian}` : m.shape + (m.norm ? `, norm ${m.norm}` : "");

function boxOf(kind, value) {
  if (value === undefined) return "";
  const inside = typeof value === "string" ? value : matrixOf(value);
  return `<b class="${kind}">${inside}<small>${kind}${typeof value === "string" ? "" : ": " + sizeOf(value)}</small></b>`;
}

const givenOf = ([unit, matrix]) => `<b class="local">${matrixOf(matrix)}<small>${escaped(units[unit].text)}: ${sizeOf(matrix)}</small></b>`;

function boxesOf(s, asked) {
  if (s.kind === "intro") return s.given.length ? `<div class="boxes">${s.given.map(givenOf).join("")}</div>` : "";
  if (s.kind === "forward" && s.matrix) return `<div class="boxes">${boxOf("message", s.matrix).replace("<small>message", "<small>value")}</div>`;
  if (s.kind !== "backward" || s.upstream === undefined) return "";
  const question = '<label>your answer <input type="text" id="answer" autocomplete="off" aria-describedby="verdict"></label>' +
    '<span id="verdict" aria-live="polite"></span>';
  const local = boxOf("local", s.local);
  const times = local ? `<span>${s.elementwise ? "⊙" : "×"}</span>` : "";
  const equals = `<span>${asked || typeof s.upstream === "object" ? "=" : s.relation}</span>`;
  return `<div class="boxes">${boxOf("upstream", s.upstream)}${times}${local}${equals}${asked ? question : boxOf("message", s.message)}</div>`;
}

function sumOf(s) {
  if (s.kind !== "backward") return "";
  const name = `accumulator of ${escaped(adjointName(s.unit))}: `;
  const place = `message ${s.k} of ${s.n}${s.k === s.n ? ", complete" : ", not complete yet"}`;
  if (s.part) return `${name}${s.message} is this example's part; over all ${s.part[0]} examples <b>${s.part[1]}</b>`;
  if (s.sum) return `${name}${s.sum[0]} + ${s.sum[1][0] === "−" ? `(${s.sum[1]})` : s.sum[1]} → <b>${s.sum[3]}</b> (${place})`;
  if (s.norms) return `${name}norms ${s.norms[0]}, with ${s.norms[1]} added: <b>${s.norms[2]}</b> (${place})`;
  return page.values ? name + place : "";
}

function checkOf(s) {
  if (!s.check) return "";
  const verdict = s.check[3] ? "✓" : "✗";
  if (s.check[1] === null)
    return `numerical check: central differences of all ${s.check[0]} elements <b>${verdict} differ by at most ${s.check[2]}</b>`;
  const loss = escaped(units[page.loss].text);
  return `numerical check: (${loss}(·+h) − ${loss}(·−h)) / 2h gives ${s.check[0]}, the tape ${s.check[1]} <b>${verdict} differs by ${s.check[2]}</b>`;
}

// ---- the graph

function addTag(path, text, kind) {
  const { x, y } = path.getPointAtLength(path.getTotalLength() / 2), width = text.length * 9.4 + 6;
  const group = document.createElementNS("http://www.w3.org/2000/svg", "g");
  group.setAttribute("class", "tag " + kind);
  group.innerHTML = `<rect x="${x - width / 2}" y="${y - 13}" width="${width}" height="26" rx="6"/><text x="${x}" y="${y + 5}">${text}</text>`;
  element("tags").append(group);
}

// edges of a step: [id, text of its tag]
function edgesOf(s) {
  if (s.kind === "forward") return s.edges.map(e => ["f" + e, ""]);
  if (s.kind !== "backward") return [];
  const all = s.edge >= 0 && element("b" + s.edge) ? [["b" + s.edge, typeof s.message === "string" ? s.message : ""]] : [];
  if (s.stored !== undefined) all.push(["f" + s.stored, typeof s.local === "string" ? s.local : ""]);
  return all;
}

function scrollTo(marked) {
  const stage = element("stage"), frame = stage.getBoundingClientRect();
  if (!marked.length || (stage.scrollWidth <= stage.clientWidth && stage.scrollHeight <= stage.clientHeight)) return;
  const all = marked.map(m => m.getBoundingClientRect());
  const left = Math.min(...all.map(r => r.left)), right = Math.max(...all.map(r => r.right));
  const top = Math.min(...all.map(r => r.top)), bottom = Math.max(...all.map(r => r.bottom));
  stage.scrollLeft += (left + right) / 2 - (frame.left + frame.right) / 2;
  stage.scrollTop += (top + bottom) / 2 - (frame.top + frame.bottom) / 2;
}

function drawGraph(s, asked) {
  document.querySelectorAll(".on, .past, .current").forEach(e => e.classList.remove("on", "past", "current"));
  for (let i = 0; i < at; i++) edgesOf(steps[i]).forEach(([id]) => element(id) && element(id).classList.add("past"));
  element("tags").replaceChildren();
  const marked = [];
  for (const [id, text] of edgesOf(s)) {
    const path = element(id);
    if (!path) continue;
    path.classList.remove("past");
    path.classList.add("on");
    if (text) addTag(path, asked && id[0] === "b" ? "?" : text, id[0] === "f" ? "forward" : "backward");
  }
  for (const u of [s.unit, s.from]) {
    if (u === undefined) continue;
    const box = element("u" + u);
    if (box) box.classList.add("on"), marked.push(box);
    document.querySelectorAll(`.matrix [data-k="a${u}"]`).forEach(cell => u === s.unit && s.kind === "backward" && cell.classList.add("on"));
  }
  const current = s.unit !== undefined && element("r" + s.unit);
  if (current) {
    current.classList.add("current");
    const frame = current.closest(".scroll");
    frame.scrollTop = current.offsetTop - frame.clientHeight / 2;
  }
  scrollTo(marked);
}

// ---- what the steps so far have reached

function fillIn(s, asked) {
  const known = {};
  for (let i = 0; i <= at; i++) Object.assign(known, steps[i].set);
  if (asked) for (const key in s.set) known[key] = "?";
  document.querySelectorAll("[data-k]").forEach(e => {
    e.textContent = known[e.dataset.k] || (e.dataset.k[0] === "p" ? "" : "·");
    e.classList.toggle("alarm", /NaN|infinity|∞/.test(e.textContent));
  });
  const isThere = key => known[key] !== undefined && !known[key].endsWith("?");
  document.querySelectorAll("[data-late]").forEach(e => e.classList.toggle("late", !isThere(e.dataset.late)));
  document.querySelectorAll("[data-heat]").forEach(e => {
    const shown = isThere(e.dataset.heat) && heats[e.dataset.heat];
    e.setAttribute(e.tagName === "IMG" ? "src" : "href", shown ? pictureOf(e.dataset.heat) : nothing);
    e.classList.toggle("late", !shown);
    if (e.tagName === "IMG") e.alt = shown ? "heat map, " + captionOf(e.dataset.heat) : "not computed yet";
  });
  document.querySelectorAll("[data-caption]").forEach(e => {
    e.dataset.shape = e.dataset.shape || e.textContent;
    e.textContent = e.dataset.shape + (isThere(e.dataset.caption) ? `, norm ${known[e.dataset.caption]}; ${captionOf(e.dataset.caption)}` : "");
  });
}

// ---- questions

const numberOf = text => {
  const plain = text.trim().replace(/−/g, "-").replace(",", ".").replace(/[·*x×]\s*10\^?/, "e").replace(/[⁻⁰¹²³⁴-⁹]+/, lowered);
  return plain === "" ? NaN : Number(plain);
};

function judge(s) {
  const given = numberOf(element("answer").value), right = numberOf(s.message);
  const isRight = Number.isNaN(right) ? element("answer").value.trim().toLowerCase() === "nan" : Math.abs(given - right) <= 0.01 * Math.abs(right);
  element("verdict").textContent = isRight ? "✓ right: press Enter again for the next step" : "✗ not yet: multiply the two boxes";
  return isRight;
}

function listen(s) {
  const input = element("answer");
  if (!input) return;
  let isRight = false;
  input.focus({ preventScroll: true });
  input.onkeydown = event => {
    event.stopPropagation();
    if (event.key === "Escape") input.blur();
    if (event.key !== "Enter") return;
    if (isRight) show(at + 1);
    else isRight = judge(s);
  };
}

// ---- a step

function spokenOf(s, asked) {
  let text = `${titleOf(s)}. ${wordsOf(s)}`;
  if (s.kind === "forward" && s.result) text += ` ${units[s.unit].text} is ${s.result[1]}.`;
  if (s.kind === "backward" && typeof s.upstream === "string")
    text += ` Upstream ${s.upstream} times local ${s.local} ${asked ? "is asked for" : (s.relation === "=" ? "is " : "is about ") + s.message}.`;
  if (s.sum && s.k > 1 && !asked) text += ` The sum is now ${s.sum[3]}.`;
  return text;
}

function linesOf(s, asked) {
  if (s.kind === "forward") return forwardLines(s);
  if (s.kind === "seed") return [[derivative(s.unit) + "<mo>=</mo><mn>1</mn>"]];
  return s.kind === "backward" ? [...symbolLine(s), ...(asked ? [] : numberLines(s))] : [];
}

function show(number) {
  at = Math.max(0, Math.min(steps.length - 1, number));
  const s = steps[at], asked = element("quiz").checked && s.kind === "backward" && typeof s.message === "string";
  const lines = linesOf(s, asked);
  element("step").className = "card " + (s.kind === "seed" ? "backward" : s.kind);
  element("title").textContent = titleOf(s);
  element("words").textContent = wordsOf(s);
  element("math").innerHTML = lines.map(line).join("");
  element("product").innerHTML = boxesOf(s, asked);
  element("sum").innerHTML = asked ? "" : sumOf(s);
  element("check").innerHTML = asked ? "" : checkOf(s);
  element("spoken").textContent = spokenOf(s, asked);
  const way = { forward: " · forward", backward: " · backward", seed: " · backward" }[s.kind] || "";
  element("position").textContent = `step ${at} of ${steps.length - 1}${way}`;
  element("bar").value = steps.length > 1 ? at / (steps.length - 1) : 1;
  fillIn(s, asked);
  drawGraph(s, asked);
  listen(s);
  history.replaceState(null, "", `#step-${at}${element("quiz").checked ? "-quiz" : ""}`);
}

const backward = () => Math.max(0, steps.findIndex(s => s.kind === "seed" || s.kind === "backward"));
const go = {
  first: () => show(0), back: () => show(at - 1), next: () => show(at + 1), last: () => show(steps.length - 1), backward: () => show(backward())
};

function play() {
  if (timer) clearInterval(timer), timer = 0;
  else timer = setInterval(() => { if (at < steps.length - 1) show(at + 1); else play(); }, 2500);
  element("play").textContent = timer ? "stop" : "play";
}

function changeTheme() {
  const root = document.documentElement, now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = { light: "dark", dark: "print", print: "light" }[now];
  pictures.clear();
  show(at);
}

async function copyTex() {
  const tex = texOf(steps[at]);
  try {
    await navigator.clipboard.writeText(tex);
  } catch {
    const area = document.createElement("textarea");
    area.value = tex;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  element("copy").textContent = "copied";
  setTimeout(() => { element("copy").textContent = "copy LaTeX"; }, 1200);
}

document.querySelectorAll("[data-go]").forEach(button => { button.onclick = go[button.dataset.go]; });
element("play").onclick = play;
element("theme").onclick = changeTheme;
element("copy").onclick = copyTex;
element("quiz").onchange = () => show(at);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { pictures.clear(); show(at); });
onkeydown = event => {
  if (event.target.type === "text" || event.ctrlKey || event.altKey || event.metaKey) return;
  const act = {
    ArrowRight: go.next, ArrowLeft: go.back, PageDown: go.next, PageUp: go.back, Home: go.first, End: go.last, b: go.backward, p: play
  }[event.key];
  if (!act) return;
  act();
  event.preventDefault();
};

function followLink() {
  const link = location.hash.match(/^#(?:step-)?(\d+)(-?q(?:uiz)?)?$/);
  if (link && link[2]) element("quiz").checked = true;
  show(link ? Number(link[1]) : 0);
}
onhashchange = followLink;
followLink();
