// Start a deck: typeset the math, continue slides that are too tall on further ones, then start reveal.js.
'use strict';

const SMALLEST_PICTURE = 0.8;  // of its natural size: labels of smaller ones cannot be read from the back row
const LARGEST_PICTURE = 1.6;
const WIDEST_BESIDE = 900;  // pixels: a wider picture leaves no room for text next to it
const LONGEST_BESIDE = 520;  // characters

window.MathJax = {
  tex: { inlineMath: [['$', '$'], ['\\(', '\\)']] },
  svg: { fontCache: 'local' },  // so that math in the speaker's notes includes its glyphs
  options: { ignoreHtmlClass: 'output|picture|code', enableMenu: false },
  startup: {
    async pageReady() {
      await MathJax.startup.defaultPageReady();
      await document.fonts.ready;
      await Promise.all([...document.images].map(image => image.decode().catch(() => null)));
      document.querySelectorAll('.picture').forEach(giveRoom);
      document.querySelectorAll('.slides > section > section').forEach(spread);
      document.querySelector('.reveal').classList.remove('arranging');
      await Reveal.initialize({
        width: 1280, height: 720, margin: 0, center: false, hash: true, controls: false, transition: 'none',
        slideNumber: 'c/t', plugins: [RevealNotes],
      });
      document.body.dataset.ready = 'yes';
    },
  },
};

// Give a picture the height that the rest of the slide leaves, within limits; a wide one may extend to the edges.
function giveRoom(block) {
  const image = block.querySelector('img');
  if (image.naturalWidth > block.clientWidth) block.classList.add('wide');
  const widest = block.clientWidth / image.naturalWidth;
  const height = scale => `${image.naturalHeight * Math.min(scale, widest)}px`;
  block.style.flex = `1 1 ${height(1)}`;
  block.style.minHeight = height(SMALLEST_PICTURE);
  block.style.maxHeight = height(LARGEST_PICTURE);
}

// Move the blocks that do not fit to a new slide after this one, and repeat this until all blocks fit.
function spread(section) {
  const page = section.querySelector('.page');
  const bottom = page.getBoundingClientRect().bottom - parseFloat(getComputedStyle(page).paddingBottom);
  const blocks = [...page.children];
  const over = blocks.findIndex(block => block.getBoundingClientRect().bottom > bottom + 1);
  if (over < 1) return;  // everything fits, or a single block does not: then the notebook has to split it
  if (putBeside(blocks[over - 1], blocks[over])) return spread(section);
  const cut = bestCut(blocks, over, bottom - blocks[0].getBoundingClientRect().top);
  const next = section.cloneNode(true);
  [...next.querySelector('.page').children].slice(0, cut).forEach(block => block.remove());
  blocks.slice(cut).forEach(block => block.remove());
  showFirst(next);
  section.after(next);
  spread(next);
}

// Put the text after a picture to its right, if the picture is narrow and the slide has no room below it.
function putBeside(picture, text) {
  if (!picture.classList.contains('picture') || !text.classList.contains('text')) return false;
  const image = picture.querySelector('img');
  if (image.naturalWidth > WIDEST_BESIDE || text.textContent.length > LONGEST_BESIDE) return false;
  const pair = document.createElement('div');
  pair.className = 'block beside';
  picture.replaceWith(pair);
  pair.append(picture, text);
  picture.style.cssText = `width: ${SMALLEST_PICTURE * image.naturalWidth}px`;
  return true;
}

// Return where to cut so that block `over` is on the next slide. A heading stays with the next block, code with its
// output if both fit into `room` (pixels), and a text with the output before it, which it explains.
function bestCut(blocks, over, room) {
  const is = (index, kind) => blocks[index].classList.contains(kind);
  if (isHeading(blocks[over - 1])) return Math.max(over - 1, 1);
  let cut = over;
  if (is(over, 'output')) {
    while (cut > 1 && is(cut, 'output')) cut -= 1;
    const height = blocks[over].getBoundingClientRect().bottom - blocks[cut].getBoundingClientRect().top;
    return is(cut, 'code') && height <= room ? cut : over;
  }
  if (is(over, 'text') && !is(over - 1, 'text')) {
    while (cut > 1 && (is(cut - 1, 'output') || is(cut - 1, 'picture'))) cut -= 1;
    if (cut > 1 && is(cut - 1, 'code') && !is(over - 1, 'picture') && !is(cut - 2, 'text')) cut -= 1;
  }
  return cut;
}

function isHeading(block) {
  return block.children.length === 1 && /^H[1-6]$/.test(block.firstElementChild.tagName);
}

// Show the first block of a slide from the start.
function showFirst(section) {
  const first = section.querySelector('.block:not(.beside)');
  const index = first.dataset.fragmentIndex;
  if (index === undefined) return;
  for (const block of section.querySelectorAll(`[data-fragment-index="${index}"]`)) {
    block.classList.remove('fragment');
    delete block.dataset.fragmentIndex;
  }
}
