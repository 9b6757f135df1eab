// What test_page.py asks a page in the browser: what a step shows, and how large, how dark and where each text is.

function testState() {
  const text = id => element(id).textContent;
  return {
    title: text("title"), words: text("words"), math: element("math").innerHTML, product: element("product").innerHTML, sum: text("sum"),
    check: text("check"), position: text("position"), hash: location.hash, late: document.querySelectorAll(".late").length,
    cells: [...document.querySelectorAll("[data-k]")].map(e => e.dataset.k + "=" + e.textContent).join(" "),
    on: [...document.querySelectorAll(".on")].map(e => e.id).join(" ")
  };
}

function testGradients() {
  return [...document.querySelectorAll("#gradients .gradient")].map(g => ({
    late: g.querySelectorAll(".late").length, cells: [...g.querySelectorAll("td")].map(c => c.textContent),
    norm: (g.querySelector("figcaption") || {}).textContent
  }));
}

// what KaTeX refuses
function testTex() {
  const refuse = tex => {
    try {
      katex.renderToString(tex, { strict: code => code.startsWith("unicode") ? "error" : "ignore" });
      return "";
    } catch (error) {
      return tex + ": " + error;
    }
  };
  return steps.map(texOf).map(refuse).filter(text => text);
}

const testColour = text => (text.match(/[\d.]+/g) || []).map(Number), testIsClear = c => c.length === 0 || (c.length === 4 && c[3] === 0);

// relative luminance, WCAG 2.2
function testLight(colour) {
  const [r, g, b] = colour.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function testGround(parent, svg) {
  const box = svg && parent.closest("g") && parent.closest("g").querySelector(":scope > rect");
  const fill = box ? testColour(getComputedStyle(box).fill) : [];
  if (!testIsClear(fill)) return fill;
  for (let e = svg || parent; e; e = e.parentElement) {
    const colour = testColour(getComputedStyle(e).backgroundColor);
    if (!testIsClear(colour)) return colour;
  }
  return [255, 255, 255];
}

// cut off by what scrolls, or covered by what stays
function testIsHidden(parent, r) {
  const scrolling = ".scroll, .gradient, #gradients, .boxes b";
  for (let e = parent.closest(scrolling); e; e = e.parentElement.closest(scrolling)) {
    const frame = e.getBoundingClientRect(), head = parent.closest("tbody") && e.querySelector("thead th:last-child");
    const top = head ? head.getBoundingClientRect().bottom : frame.top;
    if (r.left < frame.left - 1 || r.right > frame.right + 1 || r.top < top - 1 || r.bottom > frame.bottom + 1) return true;
  }
  const above = document.elementFromPoint((r.left + r.right) / 2, (r.top + r.bottom) / 2);
  return above && !above.contains(parent) && !parent.contains(above) && !parent.closest("svg");
}

function testTexts() {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), all = [...document.querySelectorAll("svg")];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement, style = getComputedStyle(parent), svg = parent.closest("svg"), range = document.createRange();
    if (!node.textContent.trim() || parent.closest("script, style, noscript, .spoken, title") || style.visibility === "hidden") continue;
    range.selectNodeContents(node);
    const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    const ink = testLight(testColour(svg ? style.fill : style.color)), ground = testLight(testGround(parent, svg));
    for (const r of range.getClientRects()) {
      if (r.width === 0 || testIsHidden(parent, r)) continue;
      found.push({ text: node.textContent.trim().slice(0, 40), x: r.x, y: r.y, w: r.width, h: r.height, size: parseFloat(style.fontSize) * scale,
        contrast: (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05), math: !!parent.closest("math"), where: all.indexOf(svg) });
    }
  }
  return found;
}
