// A picture in a dialogue of its own, to be enlarged by wheel, fingers, buttons or keys, and moved about. It is enlarged by its size, not
// by a transform: drawings stay sharp.
const lightbox = (() => {
  const MOST = 16; // times its size when it fits the window
  const STEP = 1.4;
  let parts = null; // the dialogue and what stands in it, made when it is first needed
  let pictures = [];
  let at = 0;
  let view = { scale: 1, x: 0, y: 0 }; // x and y: how far its middle lies from the middle of the stage, in pixels

  const size = () => {
    const { stage, picture } = parts;
    const [width, height] = [picture.naturalWidth || 300, picture.naturalHeight || 150];
    const fit = Math.min(stage.clientWidth / width, stage.clientHeight / height);
    return { width: width * fit * view.scale, height: height * fit * view.scale };
  };
  const draw = () => {
    const { stage, picture } = parts;
    const { width, height } = size();
    const within = (value, room) => Math.max(-Math.max(0, room) / 2, Math.min(Math.max(0, room) / 2, value));
    view.x = within(view.x, width - stage.clientWidth);
    view.y = within(view.y, height - stage.clientHeight);
    picture.style.width = `${width}px`;
    picture.style.height = `${height}px`;
    picture.style.translate = `calc(-50% + ${view.x}px) calc(-50% + ${view.y}px)`;
    stage.classList.toggle("enlarged", view.scale > 1);
  };
  // Enlarges by `factor`, so that what is seen at a point of the window stays there.
  const zoom = (factor, clientX, clientY) => {
    const box = parts.stage.getBoundingClientRect();
    const [px, py] = clientX === undefined ? [0, 0] : [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
    const scale = Math.max(1, Math.min(MOST, view.scale * factor));
    const real = scale / view.scale;
    view = { scale, x: px - (px - view.x) * real, y: py - (py - view.y) * real };
    draw();
  };
  const whole = () => { view = { scale: 1, x: 0, y: 0 }; draw(); };
  const move = (x, y) => { view.x += x; view.y += y; draw(); };

  const turn = (by) => {
    at = (at + by + pictures.length) % pictures.length;
    const { dialog, picture, caption } = parts;
    const shown = pictures[at];
    picture.src = shown.image.src;
    picture.alt = shown.image.alt;
    caption.replaceChildren(...shown.caption);
    dialog.setAttribute("aria-label", shown.label);
    view = { scale: 1, x: 0, y: 0 };
    if (picture.complete) draw();
  };

  const KEYS = {
    "+": () => zoom(STEP), "=": () => zoom(STEP), "-": () => zoom(1 / STEP), "0": whole,
    ArrowLeft: () => (view.scale > 1 ? move(60, 0) : turn(-1)), ArrowRight: () => (view.scale > 1 ? move(-60, 0) : turn(1)),
    ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60), PageUp: () => turn(-1), PageDown: () => turn(1),
  };

  // Fingers and mouse: one moves the picture, two enlarge it, a press beside it closes.
  const follow = (stage, dialog) => {
    const fingers = new Map();
    let moved = 0;
    const spread = () => {
      const [a, b] = [...fingers.values()];
      return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) || 1 };
    };
    stage.addEventListener("pointerdown", (event) => {
      if (!fingers.size) moved = 0;
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener("pointermove", (event) => {
      const finger = fingers.get(event.pointerId);
      if (!finger) return;
      const before = fingers.size === 2 ? spread() : null;
      const [x, y] = [event.clientX - finger.x, event.clientY - finger.y];
      moved += Math.hypot(x, y);
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (!before) return move(x, y);
      const after = spread();
      move(after.x - before.x, after.y - before.y);
      zoom(after.apart / before.apart, after.x, after.y);
    });
    const lift = (event) => {
      const pressed = fingers.delete(event.pointerId) && !fingers.size && moved < 6 && event.type === "pointerup";
      const { left, right, top, bottom } = parts.picture.getBoundingClientRect();
      const beside = event.clientX < left || event.clientX > right || event.clientY < top || event.clientY > bottom;
      if (pressed && beside) dialog.close();
    };
    stage.addEventListener("pointerup", lift);
    stage.addEventListener("pointercancel", lift);
    stage.addEventListener("dblclick", (event) => (view.scale > 1 ? whole() : zoom(2.5, event.clientX, event.clientY)));
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), event.clientX, event.clientY);
    }, { passive: false });
  };

  const build = () => {
    const dialog = element("dialog", "lightbox");
    const tools = element("div", "lightbox-tools");
    const tool = (label, lines, act) => {
      const made = button("", label);
      made.append(drawing(lines));
      made.addEventListener("click", act);
      tools.append(made);
      return made;
    };
    const steps = [
      tool(words.previous, "M10.5 3 5.5 8l5 5", () => turn(-1)),
      tool(words.next, "M5.5 3l5 5-5 5", () => turn(1)),
    ];
    tool(words.farther, "M3 8h10", () => zoom(1 / STEP));
    tool(words.closer, "M3 8h10M8 3v10", () => zoom(STEP));
    tool(words.whole, "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10", whole);
    tool(words.close, "M3.5 3.5l9 9M12.5 3.5l-9 9", () => dialog.close());
    const stage = element("div", "stage");
    stage.tabIndex = -1;
    stage.autofocus = true; // no button is the first thing that one wants here
    const picture = element("img");
    picture.draggable = false;
    picture.addEventListener("load", draw);
    stage.append(picture);
    const caption = element("div", "lightbox-caption");
    dialog.append(tools, stage, caption);
    dialog.addEventListener("keydown", (event) => {
      const act = !event.ctrlKey && !event.metaKey && !event.altKey && KEYS[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    addEventListener("resize", () => { if (dialog.open) draw(); });
    follow(stage, dialog);
    document.body.append(dialog);
    return { dialog, stage, picture, caption, steps };
  };

  // Opens the n-th of `shown`, each {image, label, caption: nodes}.
  const open = (shown, n) => {
    parts ||= build();
    pictures = shown;
    at = n;
    for (const step of parts.steps) step.hidden = shown.length < 2;
    parts.dialog.showModal();
    turn(0);
  };
  return { open };
})();
