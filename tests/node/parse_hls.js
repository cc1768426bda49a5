// Reads playlists (a JSON list of texts) and writes what hls-parser understands of each; it throws where one is not as RFC 8216 says.
"use strict";
const HLS = require("hls-parser");
HLS.setOptions({ strictMode: true });
const told = JSON.parse(require("fs").readFileSync(0, "utf8")).map((text) => {
  const list = HLS.parse(text);
  return {
    target: list.targetDuration,
    sequence: list.mediaSequenceBase || 0,
    breaks: list.discontinuitySequenceBase || 0,
    segments: list.segments.map((one) => ({
      uri: one.uri, number: one.mediaSequenceNumber, duration: one.duration, map: one.map.uri,
      anew: Boolean(one.discontinuity), breaks: one.discontinuitySequence,
    })),
  };
});
process.stdout.write(JSON.stringify(told));
