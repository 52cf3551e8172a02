// Tones made in the browser. A browser plays nothing before somebody has clicked: the shift begins with a click.

let audio = null;

/** Opens the sound; must be called from a click. */
export async function open() {
  audio ??= new AudioContext();
  await audio.resume();
  return audio.state === "running";
}

/** True if a tone would be heard. */
export const isOn = () => audio !== null && audio.state === "running";

function beep(frequency, at, length, volume) {
  const tone = audio.createOscillator();
  const gain = audio.createGain();
  tone.type = "triangle";
  tone.frequency.value = frequency;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(volume, at + 0.02);
  gain.gain.setValueAtTime(volume, at + length - 0.05);
  gain.gain.linearRampToValueAtTime(0, at + length);
  tone.connect(gain).connect(audio.destination);
  tone.start(at);
  tone.stop(at + length);
}

/** A red alarm waits: two falling tones, three times. */
export function alarm(volume) {
  if (!isOn()) return;
  for (let i = 0; i < 3; i += 1) {
    const at = audio.currentTime + i * 0.5;
    beep(988, at, 0.2, volume);
    beep(740, at + 0.22, 0.22, volume);
  }
}

/** Something else has come: one soft tone. Also the test tone. */
export function chime(volume = 0.25) {
  if (!isOn()) return;
  beep(660, audio.currentTime, 0.35, volume);
}

/** The connection is lost: one low tone. */
export function lost() {
  if (!isOn()) return;
  beep(220, audio.currentTime, 0.9, 0.6);
}
