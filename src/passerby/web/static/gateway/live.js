// Plays a camera's veiled live stream: Media Source Extensions over WebSocket, HLS where that is missing.
// Use: passerbyLive(videoElement, cameraName, onState) -> stop function. onState gets "connecting", "live" or "away".
"use strict";

function passerbyLive(video, camera, onState) {
  const say = onState || (() => {});
  const Source = window.ManagedMediaSource || window.MediaSource;
  const base = location.origin + (document.documentElement.dataset.root || "");
  let stopped = false;
  let socket = null;
  let timer = 0;
  let wait = 500;

  video.muted = true;
  video.playsInline = true;
  video.disableRemotePlayback = true;

  function hls() {
    video.src = `${base}/hls/${encodeURIComponent(camera)}/index.m3u8`;
    video.addEventListener("playing", () => say("live"));
    video.addEventListener("error", () => say("away"));
    video.play().catch(() => {});
  }

  function again() {
    if (stopped) return;
    say("away");
    clearTimeout(timer);
    timer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, 10000);
  }

  function connect() {
    if (stopped) return;
    say("connecting");
    const media = new Source();
    const waiting = [];
    let buffer = null;
    let mine = new WebSocket(`${base.replace(/^http/, "ws")}/live/${encodeURIComponent(camera)}`);
    socket = mine;
    mine.binaryType = "arraybuffer";

    const pump = () => {
      if (!buffer || buffer.updating || media.readyState !== "open") return;
      const ranges = buffer.buffered;
      if (ranges.length) {
        const first = ranges.start(0), end = ranges.end(ranges.length - 1);
        // the buffer is kept short, so that months of watching cost no memory
        if (end - first > 20 && video.currentTime - first > 10) {
          buffer.remove(first, video.currentTime - 5);
          return;
        }
        const late = end - video.currentTime;
        if (video.currentTime < first || late > 2.5) video.currentTime = Math.max(first, end - 0.4);
        else video.playbackRate = late > 1.0 ? 1.1 : 1.0;
      }
      const next = waiting.shift();
      if (!next) return;
      try {
        if (typeof next === "string") {
          const type = `video/mp4; codecs="${JSON.parse(next).codec}"`;
          buffer.changeType(type);
          pump();
        } else {
          buffer.appendBuffer(next);
        }
      } catch (error) {
        mine.close();
      }
    };

    const begin = (text) => {
      const type = `video/mp4; codecs="${JSON.parse(text).codec}"`;
      if (!Source.isTypeSupported(type)) {
        stopped = true;
        mine.close();
        stopped = false;
        hls();
        return;
      }
      buffer = media.addSourceBuffer(type);
      buffer.addEventListener("updateend", pump);
      buffer.addEventListener("error", () => mine.close());
      pump();
    };

    media.addEventListener("sourceopen", () => {
      URL.revokeObjectURL(video.src);
      if (waiting.length && !buffer) begin(waiting.shift());
    }, { once: true });

    mine.onmessage = (event) => {
      wait = 500;
      if (typeof event.data === "string" && !buffer && media.readyState === "open") {
        begin(event.data);
      } else {
        waiting.push(event.data);
        // a page in the background stops taking: start over rather than fill the memory
        if (waiting.length > 600) { mine.close(); return; }
        pump();
      }
    };
    mine.onclose = () => { if (socket === mine) again(); };

    video.src = URL.createObjectURL(media);
    video.play().catch(() => {});
    video.onplaying = () => say("live");
    video.onerror = () => mine.close();
  }

  if (Source) connect(); else hls();

  return () => {
    stopped = true;
    clearTimeout(timer);
    if (socket) socket.close();
    video.removeAttribute("src");
    video.load();
  };
}
