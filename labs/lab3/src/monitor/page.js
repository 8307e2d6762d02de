// Keeps the page up to date from the scenes of /live. Writes text, attributes and positions; never HTML.
(() => {
  const SVG = 'http://www.w3.org/2000/svg';
  const QUIET = 3000; // ms without a scene, after which the page stands still and says so
  const SILENCE = 5000; // the same for a stream, which is then opened anew
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  const find = (where, what) => where.querySelector(what);
  const say = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const mark = (element, bad) => element.toggleAttribute('data-bad', bad);
  const make = (name, className, ...children) => {
    const element = document.createElement(name);
    element.className = className;
    element.append(...children);
    return element;
  };
  const drawn = (className) => {
    const rect = document.createElementNS(SVG, 'rect');
    rect.setAttribute('class', className);
    return rect;
  };

  let scene = null, received = 0, paused = false;
  const contact = document.getElementById('contact');
  const copied = document.getElementById('copied');

  // One click on what carries a command takes it along.
  const carry = (element, command) => {
    if (element.dataset.command === command) return;
    element.dataset.command = command;
    if (element.className === 'copy') element.setAttribute('aria-label', 'copy ' + command);
    else element.title = command;
  };
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-command]');
    if (!button) return;
    const command = button.dataset.command;
    navigator.clipboard.writeText(command).then(
      () => say(copied, 'copied: ' + command),
      () => say(copied, 'copy it by hand: ' + command));
  });
  document.querySelectorAll('.copy').forEach((button) => { button.hidden = false; });

  // The children of `parent` as `items` want them: those that stay keep their elements.
  const keep = (parent, items, create, fill) => {
    const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
    items.forEach((item, index) => {
      const child = known.get(item.key) ?? create();
      known.delete(item.key);
      child.dataset.key = item.key;
      if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
      fill(child, item);
    });
    known.forEach((child) => child.remove());
  };
  const button = (className) => Object.assign(make('button', className), { type: 'button' });

  const createRow = () => {
    const life = document.createElementNS(SVG, 'svg');
    life.setAttribute('class', 'life');
    life.setAttribute('aria-hidden', 'true');
    return make('li', 'row', button('id'), make('span', 'state'), make('span', 'task'), life);
  };
  const fillRow = (element, row) => {
    mark(element, row.bad);
    const id = find(element, '.id');
    say(id, row.id);
    carry(id, row.command);
    say(find(element, '.task'), row.task);
    say(find(element, '.state'), row.state + ' ' + row.time);
    const life = find(element, '.life');
    while (life.children.length > row.bars.length) life.lastChild.remove();
    row.bars.forEach((bar, index) => {
      const rect = life.children[index] ?? life.appendChild(drawn(bar.kind));
      if (rect.getAttribute('class') !== bar.kind) rect.setAttribute('class', bar.kind);
      rect.bar = bar;
    });
  };
  const createLane = () =>
    make('section', 'lane', make('h2', '', button('name')), make('p', 'note'), make('ol', 'rows'));
  const fillLane = (element, lane) => {
    mark(element, lane.bad);
    element.dataset.height = lane.height;
    const name = find(element, '.name');
    say(name, lane.name);
    carry(name, lane.command);
    say(find(element, '.note'), lane.note);
    keep(find(element, '.rows'), lane.rows, createRow, fillRow);
  };

  const fillCommand = (element, command) => {
    say(find(element, 'code'), command);
    carry(find(element, '.copy'), command);
  };
  const fillFigure = (element, figure) => {
    mark(element, figure.bad);
    say(find(element, '.number'), figure.number);
    say(find(element, '.note'), figure.note);
    fillCommand(element, figure.command);
  };
  const fillPlot = (element, plot) => {
    say(find(element, '.number'), plot.number);
    say(find(element, '.top span'), plot.top);
    const rects = find(element, '.columns').children;
    const stand = (rect, top, height) => {
      if (!rect) return;
      rect.setAttribute('y', top.toFixed(1));
      rect.setAttribute('height', height.toFixed(1));
    };
    plot.columns.forEach(([good, bad], second) => {
      stand(rects[2 * second], 100 - good * 100, good * 100);
      stand(rects[2 * second + 1], 100 - (good + bad) * 100, bad * 100);
    });
    fillCommand(element, plot.command);
  };
  const fillList = (element, list) => {
    const items = list.items.map((item) => ({ ...item, key: item.command }));
    keep(find(element, 'ul'), items, () => make('li', '', make('strong', ''), ' ', make('span', '')),
      (entry, item) => {
        mark(entry, item.bad);
        entry.title = item.command;
        say(find(entry, 'strong'), item.word);
        say(find(entry, 'span'), item.text);
      });
    find(element, '.empty').hidden = list.items.length > 0;
  };
  const fillEach = (items, className, fill) => items.forEach((item) => {
    const element = find(document, `${className}[data-key="${item.key}"]`);
    if (element) fill(element, item);
  });

  // Where bars stand: time as a part of the axis, which ends a little after now.
  const place = () => {
    const [back, ahead] = scene.axis;
    const now = scene.now + (performance.now() - received) / 1000;
    const at = (time) => Math.min(100, Math.max(0, (time - now + back) / (back + ahead) * 100));
    for (const rect of document.querySelectorAll('.life rect')) {
      if (!rect.bar) continue;
      const from = at(rect.bar.from);
      rect.setAttribute('x', from.toFixed(2) + '%');
      const least = ['done', 'failed'].includes(rect.bar.kind) && rect.bar.from > now - back ? 0.6 : 0;
      rect.setAttribute('width', Math.max(least, at(rect.bar.to ?? now) - from).toFixed(2) + '%');
    }
  };
  const scale = () => {
    const [back, ahead] = scene.axis;
    const marks = find(document, '.scale').children;
    [1, 2 / 3, 1 / 3].forEach((part, index) => say(marks[index], '−' + Math.round(back * part) + ' s'));
    say(marks[4], '+' + Math.round(ahead) + ' s');
  };

  const state = () => {
    const silent = !scene || performance.now() - received > QUIET;
    const problem = silent ? 'step 8 says nothing: is it still running?' : scene.problem;
    contact.toggleAttribute('data-problem', problem !== '');
    say(contact, problem || 'live');
    paused = problem !== '';
  };
  const show = (told) => {
    scene = told;
    received = performance.now();
    state();
    fillEach(scene.figures, '.figure', fillFigure);
    find(document, '.tasks').toggleAttribute('data-one-task', scene.task !== '');
    say(find(document, '.only'), scene.task);
    keep(find(document, '.lanes'), scene.lanes, createLane, fillLane);
    fillEach(scene.plots, '.plot', fillPlot);
    fillEach(scene.lists, '.list', fillList);
    scale();
    place();
  };
  const move = () => {
    if (scene && !paused && !still.matches) place();
    requestAnimationFrame(move);
  };

  follow('/live', { heard: show, failed: () => {}, over: () => false, silence: SILENCE });
  setInterval(state, 1000);
  requestAnimationFrame(move);
})();
