// Walks every slide of an open deck, all fragments shown; returns {slides, faults}, each fault a sentence.
// solutions: lines of code by the exercise that they solve.
async solutions => {
  const SMALLEST_TEXT = 18, LOWEST_CONTRAST = 4.5, SCRIPT = 0.7;
  const SMALLEST_PICTURE = 0.786;  // text of 15 points at 110 dots an inch (plots.STYLE) then has 18 pixels
  const RAW_TEX = /\$[^$\n]*[\\^_{}][^$\n]*\$|\\(?:[a-zA-Z]{2,}|[()[\]])|\^\{|_\{/;
  const faults = [], slides = Reveal.getSlides(), past = [];
  let where;
  const still = document.head.appendChild(document.createElement('style'));
  still.textContent = '* { transition: none !important; }';  // fragments would still be fading in
  const fault = (what, text = '') => faults.push(`${where}: ${what}${text && `: ${text.trim().slice(0, 60)}`}`);

  for (const slide of slides) {
    const { h, v } = Reveal.getIndices(slide);
    const steps = [...slide.querySelectorAll('.fragment')].map(f => +(f.dataset.fragmentIndex || 0));
    Reveal.slide(h, v, steps.length ? Math.max(...steps) : undefined);
    const title = slide.querySelector('h1, h2, h3') || slide.querySelector('.page');
    where = `slide ${h + 1}.${v + 1} (${title.textContent.trim().replace(/\s+/g, ' ').slice(0, 40)})`;
    const floor = slide.querySelector('footer').getBoundingClientRect().top;
    if (!slide.querySelector('.page').innerText.trim() && !slide.querySelector('.page img')) fault('is empty');
    checkText(slide, floor);
    checkPictures(slide, floor);
    checkSolutions(slide);
    past.push(slide);
  }
  return { slides: slides.length, faults };

  function checkText(slide, floor) {
    const told = new Set();
    const once = (what, text) => told.has(what) || (told.add(what), fault(what, text));
    const walker = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT, node =>
      !node.data.trim() || node.parentElement.closest('.notes, mjx-container, style, script')
        ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    while (walker.nextNode()) {
      const node = walker.currentNode, element = node.parentElement;
      const isFooter = element.closest('footer');
      const range = document.createRange();
      range.selectNodeContents(node);
      const rects = [...range.getClientRects()].filter(r => r.width && r.height);
      if (!rects.length) { once('text is hidden', node.data); continue; }
      if (rects.some(r => isOutside(r, element, isFooter ? 720 : floor))) once('text is cut off', node.data);
      checkLook(element, parseFloat(getComputedStyle(element).fontSize), node.data, once);
      if (!element.closest('pre, code') && RAW_TEX.test(node.data)) once('raw TeX', node.data);
    }
    for (const math of slide.querySelectorAll('.page mjx-container')) {
      const size = parseFloat(getComputedStyle(math).fontSize);
      const hasScript = math.querySelector('g[data-mml-node="TeXAtom"] g[transform*="scale(0.7"], g[transform*="scale(0.7"]');
      checkLook(math, hasScript ? size * SCRIPT : size, 'math', once);
      if (isOutside(math.getBoundingClientRect(), math, floor)) once('math is cut off', math.textContent);
      if (math.querySelector('[data-mml-node="merror"], [data-mjx-error]')) once('math with an error', math.textContent);
      if (math.querySelector('[fill="red"]')) once('math with an unknown command', math.textContent);
    }
    for (const box of slide.querySelectorAll('.page, .page *:not(mjx-container *)')) {
      const { overflowX, overflowY } = getComputedStyle(box);
      const scrolls = (box.scrollHeight > box.clientHeight + 1 && overflowY !== 'visible')
        || (box.scrollWidth > box.clientWidth + 1 && overflowX !== 'visible');
      if (scrolls && box.clientWidth) once('content is scrolled or cut off', box.textContent);
    }
  }

  function checkLook(element, size, text, once) {
    if (size < SMALLEST_TEXT - 0.05) once(`text of ${size.toFixed(1)} px`, text);
    const ratio = contrast(element);
    if (ratio < LOWEST_CONTRAST) once(`contrast of ${ratio.toFixed(1)}`, text);
  }

  function isOutside(rect, element, floor) {
    if (rect.left < -1 || rect.right > 1281 || rect.top < -1 || rect.bottom > floor + 1) return true;
    for (let box = element; box && box.matches('section *'); box = box.parentElement) {
      if (getComputedStyle(box).overflow === 'visible') continue;
      const clip = box.getBoundingClientRect();
      if (rect.right > clip.right + 1 || rect.bottom > clip.bottom + 1) return true;
    }
    return false;
  }

  function checkPictures(slide, floor) {
    for (const image of slide.querySelectorAll('.page img')) {
      const box = image.getBoundingClientRect();
      const scale = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
      const svg = image.src.startsWith('data:image/svg');
      if (!image.complete || !image.naturalWidth) fault('a picture is missing', image.alt);
      else if (!svg && scale < SMALLEST_PICTURE) fault(`a picture is shown at ${scale.toFixed(2)} of its size`, image.alt);
      if ((image.getAttribute('alt') || '').trim().length < 10) fault('a picture has no alternative text');
      if (isOutside(box, image, floor)) fault('a picture is cut off', image.alt);
    }
  }

  function checkSolutions(slide) {
    const own = new Set();
    for (const block of slide.querySelectorAll('[data-solution]')) {
      own.add(block.dataset.solution);
      const before = block.previousElementSibling;
      if (before && !before.dataset.solution) fault(`${block.dataset.solution} is shown on the slide of its task`);
    }
    const text = slide.querySelector('.page').textContent;
    for (const [exercise, lines] of Object.entries(solutions)) {
      const shown = own.has(exercise) || past.some(s => s.querySelector(`[data-solution="${exercise}"]`));
      const line = !shown && lines.find(line => text.includes(line));
      if (line) fault(`a line of ${exercise}'s solution is shown before its slide`, line);
    }
  }

  function contrast(element) {
    const chain = [];
    for (let e = element; e; e = e.parentElement) chain.unshift(e);
    let ground = [255, 255, 255], opacity = 1;
    for (const e of chain) {
      const style = getComputedStyle(e);
      ground = blend(rgba(style.backgroundColor), ground);
      opacity *= parseFloat(style.opacity);
    }
    const [r, g, b, a] = rgba(getComputedStyle(element).color);
    const [light, dark] = [luminance(blend([r, g, b, a * opacity], ground)), luminance(ground)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  }

  function rgba(text) {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return [r, g, b, a];
  }

  function blend([r, g, b, a], under) {
    return [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  }

  function luminance(colour) {
    const [r, g, b] = colour.map(c => c / 255).map(c => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
}
