'use strict';

// Drives the official Node SDK for the tests: one JSON line in, one JSON line out. Everything
// about a request (its headers, signature, bytes and connection) is the SDK's own doing.
const readline = require('node:readline');
const sdk = require('@amazonpay/amazon-pay-api-sdk-nodejs');

const config = JSON.parse(process.argv[2]);
const clients = {
  store: new sdk.WebStoreClient(config),
  base: new sdk.AmazonPayClient(config),
};

async function answer({ client, call, args }) {
  try {
    const result = await clients[client][call](...args);
    if (typeof result === 'string') {
      return { text: result };
    }
    return { status: result.status, headers: result.headers, body: result.data };
  } catch (error) {
    if (!error.response) {
      return { failure: String(error) };
    }
    const { status, headers, data } = error.response;
    return { status, headers, body: data };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n');
  }
}

main();
