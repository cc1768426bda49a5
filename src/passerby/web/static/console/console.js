// The console's pages: live views, states every two seconds, covers, accounts. Asks nobody but its own server.
"use strict";
(() => {
  const home = document.documentElement.dataset.root || "";
  const csrf = document.querySelector("meta[name=csrf]").content;
  const words = { starting: "starting", veiled: "veiled", covered: "covered whole", slate: "no picture", stopped: "stopped" };
  const byData = (root, name) => root.querySelector(`[data-show=${name}]`);
  const set = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };

  async function ask(method, path, body) {
    const answer = await fetch(home + path, {
      method,
      headers: Object.assign({ "X-CSRF-Token": csrf }, body ? { "Content-Type": "application/json" } : {}),
      body: body ? JSON.stringify(body) : undefined,
    });
    if (answer.status === 401) { location.href = home + "/console/login?next=" + encodeURIComponent(location.pathname.slice(home.length)); }
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error);
    return told;
  }

  function say(text, bad) {
    const place = document.querySelector("[data-said]");
    if (place) { place.textContent = text; place.className = bad ? "bad" : ""; }
  }

  // live views run while they can be seen
  const running = new Map();
  function run(video) {
    const note = video.parentElement.querySelector("[data-show=live]");
    running.set(video, passerbyLive(video, video.dataset.live, (state) => {
      if (note) { note.textContent = state; note.hidden = state === "live"; }
    }));
  }
  function halt(video) {
    const stop = running.get(video);
    running.delete(video);
    if (stop) stop();
  }
  const views = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const video = entry.target;
      if (entry.isIntersecting) { views.add(video); if (!running.has(video) && !document.hidden) run(video); }
      else { views.delete(video); halt(video); }
    }
  }, { rootMargin: "100px" });
  document.querySelectorAll("video[data-live]").forEach((video) => watcher.observe(video));

  // many cameras: veiled snapshots, each anew some seconds after the last one came, while it can be seen
  const STILL_MS = 5000;
  const shownStills = new Set();
  function still(image) {
    if (document.hidden) { setTimeout(still, STILL_MS, image); return; }
    const address = new URL(image.src);
    address.searchParams.set("at", String(Date.now()));
    image.src = address.href;
  }
  const stillWatcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) { shownStills.add(entry.target); if (entry.target.complete) still(entry.target); }
      else shownStills.delete(entry.target);
    }
  }, { rootMargin: "100px" });
  document.querySelectorAll("img[data-still]").forEach((image) => {
    const note = image.closest(".view").querySelector("[data-show=live]");
    const again = (there) => {
      note.hidden = there;
      setTimeout(() => { if (shownStills.has(image)) still(image); }, STILL_MS);
    };
    image.addEventListener("load", () => again(true));
    image.addEventListener("error", () => again(false));
    stillWatcher.observe(image);
  });

  document.addEventListener("visibilitychange", () => {
    for (const video of views) {
      if (document.hidden) halt(video); else if (!running.has(video)) run(video);
    }
  });

  // states
  const cards = new Map([...document.querySelectorAll("[data-camera]")].map((card) => [card.dataset.camera, card]));
  function show(camera) {
    const card = cards.get(camera.name);
    if (!card) return;
    card.dataset.phase = camera.phase;
    set(byData(card, "phase"), words[camera.phase]);
    set(byData(card, "words"), camera.words.join(", "));
    set(byData(card, "faces_per_minute"), String(camera.faces_per_minute));
    set(byData(card, "fps"), camera.counts.fps_out.toFixed(1));
    set(byData(card, "delay"), (camera.lookahead_ms + camera.delay_p50_ms).toFixed(0));
    set(byData(card, "readers"), String(camera.readers));
    const step = camera.rate_step > 1 ? `; rate lowered to one picture of ${camera.rate_step}: this machine cannot keep up` : "";
    set(byData(card, "load"), `${(camera.load * 100).toFixed(0)} % of a core${step}`);
    const sealing = byData(card, "sealing");
    if (sealing) {
      set(sealing, camera.sealing);
      sealing.parentElement.hidden = !camera.sealing;
    }
    if (camera.last_fault) set(byData(card, "last_fault"), `${camera.last_fault}, ${camera.last_fault_at}`);
  }
  function bar(id, on, text) {
    const place = document.getElementById(id);
    if (!place) return;
    place.hidden = !on;
    if (on && text) set(place.querySelector("span") || place, text);
  }
  async function look() {
    try {
      const told = await ask("GET", "/api/cameras");
      told.cameras.forEach(show);
      bar("alarm", told.alarm, `Alarm: ${told.alarm}. Every camera is covered.`);
      bar("config", told.config_error, told.config_error);
      bar("register", told.register_failing_s > 0);
      document.body.dataset.seen = "yes";
    } catch (error) {
      cards.forEach((card) => { set(byData(card, "words"), "the gateway does not answer"); });
    }
    setTimeout(look, document.hidden ? 15000 : 2000);
  }
  if (cards.size) look();

  // looking for cameras: what is typed hides the others at once, without asking the server
  const search = document.getElementById("q");
  if (search) {
    const find = () => {
      const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      document.querySelectorAll(".group").forEach((group) => {
        const heading = group.querySelector(":scope > h2");
        let left = 0;
        group.querySelectorAll(".camera").forEach((card) => {
          const text = [heading ? heading.textContent : "", card.dataset.camera, card.querySelector("h2, h3").textContent,
            card.querySelector(".state").textContent].join(" ").toLowerCase();
          card.hidden = !wanted.every((word) => text.includes(word));
          left += card.hidden ? 0 : 1;
        });
        group.hidden = left === 0;
        count += left;
      });
      set(document.getElementById("count"), `${count} of ${cards.size} cameras`);
    };
    search.addEventListener("input", find);
    // what the server left out is not here to be found
    if (!search.value) search.form.addEventListener("submit", (event) => event.preventDefault());
  }

  // covers
  document.querySelectorAll("[data-cover]").forEach((button) => button.addEventListener("click", async () => {
    const name = button.closest("[data-camera]").dataset.camera;
    try {
      const on = button.dataset.cover === "on";
      await ask("POST", `/api/cameras/${encodeURIComponent(name)}/cover`, { on });
      say(on ? "Covered whole until you end it." : "That cover is ended; faces stay veiled.");
    } catch (error) { say(error.message, true); }
  }));

  // recordings
  const player = document.getElementById("player");
  document.querySelectorAll("[data-clip]").forEach((link) => link.addEventListener("click", (event) => {
    event.preventDefault();
    document.querySelectorAll("[data-clip][aria-current]").forEach((other) => other.removeAttribute("aria-current"));
    link.setAttribute("aria-current", "true");
    player.hidden = false;
    const video = player.querySelector("video");
    video.src = link.href;
    video.play().catch(() => {});
    document.getElementById("playing").textContent = `Playing from ${link.textContent}.`;
    player.scrollIntoView({ block: "nearest" });
  }));

  // accounts
  const form = (id, send) => {
    const found = document.getElementById(id);
    if (found) found.addEventListener("submit", async (event) => {
      event.preventDefault();
      try { await send(found); } catch (error) { say(error.message, true); }
    });
  };
  const value = (id) => document.getElementById(id).value;
  form("new-account", async () => {
    await ask("POST", "/api/accounts", { name: value("name"), role: value("role"), password: value("password") });
    location.reload();
  });
  form("password-form", async () => {
    await ask("POST", "/api/me/password", { old: value("old"), new: value("new") });
    location.href = home + "/console/login";
  });
  document.querySelectorAll("[data-remove]").forEach((button) => button.addEventListener("click", async () => {
    if (!confirm(`Remove the account ${button.dataset.remove}?`)) return;
    try { await ask("DELETE", `/api/accounts/${encodeURIComponent(button.dataset.remove)}`); location.reload(); }
    catch (error) { say(error.message, true); }
  }));
  document.querySelectorAll("[data-role-of]").forEach((select) => select.addEventListener("change", async () => {
    try { await ask("PATCH", `/api/accounts/${encodeURIComponent(select.dataset.roleOf)}`, { role: select.value }); say("Changed."); }
    catch (error) { say(error.message, true); }
  }));
  const key = document.getElementById("stream-key");
  if (key) key.addEventListener("click", async () => {
    try {
      const told = await ask("POST", "/api/me/stream-key");
      document.getElementById("key").textContent = told.stream_key;
      say("This key is shown once. The one before no longer counts.");
    } catch (error) { say(error.message, true); }
  });
})();
