// Stands in for the native half of AWS's runtime client, which only a compiler makes.
//
// One connection carries all requests in their order. An answer is written before the call returns,
// as there, since the client may end the process right after; that it arrived is read with the next
// event.
'use strict';

const fs = require('node:fs');
const net = require('node:net');

const libraries = ((task) => `${task}:${task}/lib:/opt/lib`)(process.env.LAMBDA_TASK_ROOT);
if (process.env.LD_LIBRARY_PATH === libraries) // as on AWS, but after Node.js has found its own
  process.env.LD_LIBRARY_PATH =
    `/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:${libraries}`;

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const invocation = '/2018-06-01/runtime/invocation/';
const pauseMs = 0.2; // before more is written to a connection that takes no more
const nobody = new Int32Array(new SharedArrayBuffer(4));

let socket; // its descriptor is written without the event loop
let parts = []; // what has arrived and is not read yet
let arrived = 0; // its bytes
let needed = 0; // bytes of the response that it begins with, once known
let unread = 0; // responses to answers that come before the next event
let waiting; // { resolve, reject } of who waits for an event

function connect() {
  return new Promise((resolve, reject) => {
    const made = net.connect({ host, port, noDelay: true });
    made.once('error', reject);
    made.once('connect', () => resolve(made));
    made.on('data', (part) => {
      parts.push(part);
      arrived += part.length;
      if (arrived >= needed) read();
    });
    made.on('close', () => {
      socket = undefined;
      [parts, arrived, needed, unread] = [[], 0, 0, 0];
      waiting?.reject(new Error('the Runtime API has closed its connection'));
    });
  });
}

function write(method, path, body) {
  if (socket === undefined) throw new Error('there is no connection to the Runtime API');
  const payload = Buffer.from(body);
  const message = Buffer.concat([
    Buffer.from(
      `${method} ${invocation}${path} HTTP/1.1\r\nHost: ${host}:${port}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${payload.length}\r\n\r\n`,
    ),
    payload,
  ]);
  for (let sent = 0; sent < message.length; ) {
    try {
      sent += fs.writeSync(socket._handle.fd, message, sent);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(nobody, 0, 0, pauseMs);
    }
  }
}

function read() {
  for (;;) {
    const all = Buffer.concat(parts);
    parts = [all];
    const end = all.indexOf('\r\n\r\n');
    if (end < 0) return;
    const [status, ...lines] = all.toString('latin1', 0, end).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    needed = end + 4 + Number(headers['content-length'] ?? 0);
    if (arrived < needed) return;
    const body = all.subarray(end + 4, needed);
    parts = [all.subarray(needed)];
    arrived -= needed;
    needed = 0;
    if (unread > 0) {
      unread -= 1;
      continue;
    }
    const { resolve, reject } = waiting;
    waiting = undefined;
    socket.unref(); // a handler is done when nothing but this is left
    if (status.split(' ')[1] === '200') resolve({ bodyJson: body.toString(), headers });
    else reject(new Error(`no event: ${status}`));
    return;
  }
}

function answer(id, kind, body) {
  write('POST', `${id}/${kind}`, body);
  unread += 1;
}

exports.initializeClient = () => {};

exports.next = async () => {
  socket ??= await connect();
  socket.ref();
  return new Promise((resolve, reject) => {
    waiting = { resolve, reject };
    write('GET', 'next', '');
  });
};

exports.done = (id, body) => answer(id, 'response', body);

exports.error = (id, body) => answer(id, 'error', body);
