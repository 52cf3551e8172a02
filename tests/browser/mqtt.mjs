// The smallest MQTT 3.1.1 publisher that can flood: one connection, QoS 1, every publish acknowledged.

import { connect } from "node:net";

const text = (value) => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

function packet(first, body) {
  const length = [];
  let left = body.length;
  do {
    const more = left >> 7;
    length.push((left & 127) | (more ? 128 : 0));
    left = more;
  } while (left);
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

/** Connects; `say(topic, payload)` is done when the broker has acknowledged. */
export async function publisher(host, port, user, password) {
  const socket = connect(Number(port), host);
  await new Promise((go, no) => socket.once("connect", go).once("error", no));
  const waiting = new Map();
  let next = 0;
  let opened;
  const open = new Promise((go) => (opened = go));
  let rest = Buffer.alloc(0);
  socket.on("data", (data) => {
    rest = Buffer.concat([rest, data]);
    // Answers to us are short: CONNACK and PUBACK, four bytes each in version 3.1.1.
    while (rest.length >= 2 && rest.length >= 2 + rest[1]) {
      if (rest[0] >> 4 === 2) opened(rest[3]);
      if (rest[0] >> 4 === 4) {
        const id = rest.readUInt16BE(2);
        waiting.get(id)?.();
        waiting.delete(id);
      }
      rest = rest.subarray(2 + rest[1]);
    }
  });
  const flags = 0x02 | 0x80 | 0x40;
  socket.write(packet(0x10, Buffer.concat([text("MQTT"), Buffer.from([4, flags, 0, 0]), text(`figures-${process.pid}`), text(user), text(password)])));
  const refused = await open;
  if (refused) throw new Error(`the door refused the connection: ${refused}`);
  return {
    say(topic, payload) {
      next = (next % 65_535) + 1;
      const id = next;
      const done = new Promise((go) => waiting.set(id, go));
      socket.write(packet(0x32, Buffer.concat([text(topic), Buffer.from([id >> 8, id & 255]), Buffer.from(payload)])));
      return done;
    },
    end: () => socket.destroy(),
  };
}
