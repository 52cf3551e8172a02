// A shared worker: one event stream for all open pages of this browser, for a browser allows six connections to a
// host over HTTP/1.1, over all its tabs.

const ports = new Set();
let source = null;
let heard = Date.now();

function tell(message) {
  for (const port of ports) port.postMessage(message);
}

function open() {
  if (source && source.readyState !== EventSource.CLOSED) return;
  source = new EventSource("/api/v1/events");
  for (const kind of ["alarm", "beat", "reset", "signed_out"]) {
    source.addEventListener(kind, (event) => {
      heard = Date.now();
      tell({ kind, data: JSON.parse(event.data) });
    });
  }
}

self.onconnect = (event) => {
  const port = event.ports[0];
  ports.add(port);
  port.onmessage = ({ data }) => {
    if (data === "leave") ports.delete(port);
    if (ports.size === 0 && source) source.close();
  };
  open();
  // Whatever happened between the drawing of the page and this moment: read it once.
  port.postMessage({ kind: "reset", data: {} });
};

setInterval(() => {
  if (ports.size === 0) return;
  // A stream that says nothing is dead, whatever the browser thinks of it.
  if (Date.now() - heard > 30000) {
    source.close();
    heard = Date.now() - 25000;
  }
  open();
}, 5000);
