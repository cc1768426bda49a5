"use strict";
// What a time is worth, by the rules of the Python library (register/notes/times.py); tests/vectors/times.json is run in both.

const CLOCK_SLACK_S = 300; // clocks that are kept agree within minutes
const CLOCK_ERROR_S = 86_400; // further off than this is no clock set wrong, but another date
const FIRST_COSIGNATURE_S = 1_672_531_200; // 2023: before it nobody signed as witnesses do

// Why a witness's time cannot be, or null where it can. Seconds; `newest` is that of the newest entry, or null.
function witnessFault(time, clock, newest) {
  if (time < FIRST_COSIGNATURE_S) return "ancient";
  if (time > clock + CLOCK_SLACK_S) return "ahead";
  if (newest !== null && time < newest - CLOCK_ERROR_S) return "stale";
  return null;
}

// Which of the witnesses count: {counted, refused, time}; `time` is the earliest by which the quorum had seen it, else null.
function judgeTimes(policy, witnessed, clock, newest) {
  const known = newest === null || newest > clock + CLOCK_SLACK_S ? null : newest;
  const judged = witnessed.map((one) => ({ ...one, fault: witnessFault(one.time, clock, known) }));
  const counted = judged.filter(({ fault }) => fault === null).sort((a, b) => a.time - b.time);
  const upTo = counted.findIndex((_, i) => policy.metBy(counted.slice(0, i + 1).map(({ key }) => key)));
  return { counted, refused: judged.filter(({ fault }) => fault !== null), time: upTo < 0 ? null : counted[upTo].time };
}

// Seconds of an entry's `at`, or null where it fits no form and has none.
function instantOf(bytes) {
  try {
    const { at } = JSON.parse(utf8(bytes));
    return /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/.test(at) ? Date.parse(at) / 1000 : null;
  } catch {
    return null;
  }
}

// A time for people; one beyond the calendar as its number.
function showSeconds(time, language) {
  const shown = new Date(time * 1000);
  return Number.isNaN(shown.getTime()) ? `${time} s` : shown.toLocaleString(language);
}
