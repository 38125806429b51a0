// Stands in for the native half of AWS's runtime client, which only a compiler makes.
//
// An answer is posted before the call returns, as there: the client may end the process right after.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const invocation = '/2018-06-01/runtime/invocation/';
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const pauseMs = 0.1; // between two looks for an answer that takes well below a millisecond
const nobody = new Int32Array(new SharedArrayBuffer(4));
const buffer = Buffer.alloc(4096);
let posting; // the socket for answers; its descriptor is read and written without the event loop

function connect() {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true });
    socket.pause();
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      socket.unref(); // a handler is done when nothing but this is left
      resolve(socket);
    });
  });
}

function patiently(attempt) {
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(nobody, 0, 0, pauseMs);
    }
  }
}

function closed(socket) {
  try {
    return fs.readSync(socket._handle.fd, buffer) === 0;
  } catch (error) {
    return error.code !== 'EAGAIN';
  }
}

function post(path, body) {
  const fd = posting._handle.fd;
  const payload = Buffer.from(body);
  const head =
    `POST ${invocation}${path} HTTP/1.1\r\nHost: ${host}:${port}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${payload.length}\r\n\r\n`;
  const message = Buffer.concat([Buffer.from(head), payload]);
  for (let sent = 0; sent < message.length; ) {
    sent += patiently(() => fs.writeSync(fd, message, sent));
  }
  let answer = '';
  for (;;) {
    const read = patiently(() => fs.readSync(fd, buffer));
    answer += buffer.toString('latin1', 0, read);
    const end = answer.indexOf('\r\n\r\n');
    const length = /^content-length: *(\d+)/im.exec(answer);
    if (read === 0 || (end >= 0 && length && answer.length >= end + 4 + Number(length[1]))) return;
  }
}

function get() {
  return new Promise((resolve, reject) => {
    const request = http.get({ host, port, path: `${invocation}next`, agent }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`no event: HTTP ${response.statusCode}`));
        else resolve({ bodyJson: Buffer.concat(parts).toString(), headers: response.headers });
      });
    });
    request.on('error', reject);
  });
}

exports.initializeClient = () => {};

exports.next = async () => {
  const event = await get();
  if (posting === undefined || closed(posting)) posting = await connect();
  return event;
};

exports.done = (id, body) => post(`${id}/response`, body);

exports.error = (id, body) => post(`${id}/error`, body);
