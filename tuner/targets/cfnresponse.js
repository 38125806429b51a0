// The module that CloudFormation puts beside code which a template holds, for custom resources.
//
// Packages of such code have a copy. Names and meaning are those of AWS (CloudFormation user guide,
// "cfn-response module").
'use strict';

const http = require('node:http');
const https = require('node:https');

exports.SUCCESS = 'SUCCESS';
exports.FAILED = 'FAILED';

exports.send = (event, context, responseStatus, responseData, physicalResourceId, noEcho) =>
  new Promise((resolve) => {
    const ended = (text) => {
      console.log(text);
      if (typeof context.done === 'function') context.done();
      resolve();
    };
    try {
      const answer = JSON.stringify({
        Status: responseStatus,
        Reason: `See the details in CloudWatch Log Stream: ${context.logStreamName}`,
        PhysicalResourceId: physicalResourceId || context.logStreamName,
        StackId: event.StackId,
        RequestId: event.RequestId,
        LogicalResourceId: event.LogicalResourceId,
        NoEcho: noEcho || false,
        Data: responseData,
      });
      const url = new URL(event.ResponseURL);
      const headers = { 'content-type': '', 'content-length': Buffer.byteLength(answer) };
      const client = url.protocol === 'http:' ? http : https;
      const request = client.request(url, { method: 'PUT', headers }, (told) => {
        told.resume();
        ended(`Status code: ${told.statusCode}`);
      });
      request.on('error', (error) => ended(`send(..) failed executing request: ${error.message}`));
      request.end(answer);
    } catch (error) {
      ended(`send(..) failed executing request: ${error.message}`);
    }
  });
