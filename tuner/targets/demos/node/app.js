// Makes the signed, compressed statement of a customer's orders: JavaScript and native code.
'use strict';

const { createHmac, pbkdf2Sync } = require('node:crypto');
const { gzipSync } = require('node:zlib');

const ORDERS = 4000;
const ROUNDS = 250000;

exports.handler = async (event) => {
  const customer = String(event.customer ?? 'c-1');
  const orders = Array.from({ length: ORDERS }, (_, number) => ({
    number,
    cents: (number * 7919) % 10000,
    text: `Order ${number} of ${customer}`,
  }));
  orders.sort((a, b) => b.cents - a.cents || a.number - b.number);
  const statement = JSON.stringify({ customer, orders });
  const key = pbkdf2Sync(customer, 'statements', ROUNDS, 32, 'sha256');
  return {
    customer,
    total: orders.reduce((sum, order) => sum + order.cents, 0) / 100,
    bytes: gzipSync(statement).length,
    signature: createHmac('sha256', key).update(statement).digest('hex'),
  };
};
