#!/usr/bin/env python3
"""Runs public handlers, 31 of Python and 15 of Node.js, each with an event of its kind. By hand.

    git clone --depth 1 https://github.com/aws-samples/serverless-patterns
    git clone --depth 1 https://github.com/serverless/examples
    python tests/foreign/public_handlers.py .

Each row says what AWS would do: answer, or end with an error of this kind. Events are those of
``--event NAME``, or written here. Exits with 1 if one handler does something else here.
"""

import asyncio
import sys
import time
from pathlib import Path

from public_templates import begin

from tuner.engine.profiles.events import inline_event, load_event
from tuner.locallambda.sandbox.host import SandboxHost
from tuner.targets.local import LocalOptions, _function
from tuner.targets.package import read_package

IMPORT, ANSWERS = "Runtime.ImportModuleError", "answered"
P, E = "serverless-patterns", "examples"
ALEXA = '{"request": {"intent": {"slots": {"UpperLimit": {"value": "%s"}}}}}'
FIREHOSE = '{"records": [{"recordId": "1", "data": "aGVsbG8="}]}'
RABBIT = '{"rmqMessagesByQueue": {"orders::/": [{"data": "aGVsbG8="}]}}'
PARTNER = '{"detail": {"key": "k"}, "account": "1", "time": "now", "detail-type": "order"}'
KAFKA = """{"eventSource": "aws:kafka", "eventSourceArn": "arn:x", "bootstrapServers": "b:9094",
"records": {"t-0": [{"topic": "t", "partition": 0, "offset": 1, "timestamp": 1,
"timestampType": "CREATE_TIME", "key": "aw==", "value": "dg==", "headers": []}]}}"""

#: Folder, handler, event, and what AWS would do with it.
PYTHON = [
    (f"{E}/aws-python", "handler.hello", "schedule", ANSWERS),
    (f"{E}/aws-python-http-api", "handler.hello", "apigateway-http", ANSWERS),
    (f"{E}/aws-python-rest-api", "handler.hello", "apigateway-rest", ANSWERS),
    (f"{E}/aws-python-alexa-skill", "handler.lucky_number", ALEXA % "9", ANSWERS),
    (f"{E}/aws-python-telegram-bot", "handler.webhook", "apigateway-rest", IMPORT),
    (f"{E}/aws-python-line-echo-bot", "handler.webhook", "apigateway-rest", IMPORT),
    (f"{E}/aws-python-scheduled-cron", "handler.run", "schedule", ANSWERS),
    (f"{E}/aws-python-simple-http-endpoint", "handler.endpoint", "apigateway-rest", ANSWERS),
    (f"{P}/stepfunctions-fargate-lambda/lambda", "app.lambda_handler", "step-functions", ANSWERS),
    (f"{E}/aws-python-auth0-custom-authorizers-api", "lambda_handlers.auth", "alb", IMPORT),
    (f"{P}/waf-apigw-rest/src", "app.lambda_handler", "apigateway-rest", ANSWERS),
    (f"{P}/rabbitmq-lambda/src", "app.lambda_handler", RABBIT, ANSWERS),
    (f"{P}/apigw-cloudwatch/src", "app.lambda_handler", "apigateway-rest", ANSWERS),
    (f"{P}/apigw-caching-sam/src", "app.lambda_handler", "apigateway-rest", ANSWERS),
    (f"{P}/apigw-data-validation/src", "app.lambda_handler", "apigateway-rest", ANSWERS),
    (f"{P}/sns-lambda-python-sam/src", "app.lambda_handler", "sns", ANSWERS),
    (f"{P}/sqs-lambda-python-sam/src", "app.lambda_handler", "sqs", ANSWERS),
    (f"{P}/apigw-route53-failover/src", "app.lambda_handler", "apigateway-rest", ANSWERS),
    (f"{P}/activemq-lambda/mq_listener", "app.lambda_handler", "sqs", ANSWERS),
    (f"{P}/ses-lambda-sam/src", "process-email.lambda_handler", "ses", ANSWERS),
    (f"{P}/firehose-transformation-sam-python/src", "app.handler", FIREHOSE, ANSWERS),
    (f"{P}/apigw-lambda-efs-sam/hello_efs", "app.lambda_handler", "apigateway-http", ANSWERS),
    (f"{P}/apigw-kinesis-lambda/src", "lambda_function.lambda_handler", "kinesis", ANSWERS),
    (f"{P}/msk-lambda-iam-python-sam/HandlerKafka", "app.lambda_handler", KAFKA, ANSWERS),
    (f"{P}/dynamodb-streams-lambda-filters-tf/src", "handler.modify_handler", "dynamodb", ANSWERS),
    (f"{P}/eventbridge-scheduled-lambda/src", "app.lambda_handler", "schedule", ANSWERS),
    (f"{P}/apigw-mappingtemplate-lambda/src", "lambda_function4.lambda_handler", "alb", ANSWERS),
    (f"{P}/step-function-lambda-terraform/resources", "lambda.lambda_handler", "sqs", ANSWERS),
    (f"{P}/lambda-kinesis-lambda/consumer", "consumer-function.lambda_handler", "kinesis", ANSWERS),
    (f"{P}/adobe-eventbridge-lambda/src", "AdobeProcessOrderEvents.handler", PARTNER, ANSWERS),
    (f"{P}/apigw-throttle-sam/get-function", "app.lambda_handler", "apigateway-rest", ANSWERS),
]
NODEJS = [
    (f"{E}/aws-node", "index.handler", "schedule", ANSWERS),
    (f"{E}/aws-node-http-api", "index.handler", "apigateway-http", ANSWERS),
    (f"{E}/aws-node-alexa-skill", "handler.luckyNumber", ALEXA % "9", ANSWERS),
    (f"{E}/aws-node-scheduled-cron", "index.run", "schedule", ANSWERS),
    (f"{E}/aws-node-iot-event", "handler.log", "iot", ANSWERS),
    (f"{E}/aws-node-express-api", "index.handler", "apigateway-http", IMPORT),
    (f"{P}/iot-lambda/src", "app.handler", "iot", ANSWERS),
    (f"{P}/sns-lambda/src", "app.handler", "sns", ANSWERS),
    (f"{P}/sqs-lambda/src", "app.handler", "sqs", ANSWERS),
    (f"{P}/kinesis-lambda/src", "app.handler", "kinesis", ANSWERS),
    (f"{P}/dynamodb-lambda/src", "app.handler", "dynamodb", ANSWERS),
    (f"{P}/eventbridge-lambda/src", "app.handler", "schedule", ANSWERS),
    (f"{P}/lambda-function-url/src", "app.handler", "function-url", ANSWERS),
    (f"{P}/sqs-lambda-nodejs-sam/src", "app.handler", "sqs", ANSWERS),
    (f"{P}/sns-lambda-nodejs-sam/src", "app.handler", "sns", ANSWERS),
]


async def run(root: Path) -> int:
    host = SandboxHost()
    await host.start(calibrate=False)
    right = 0
    try:
        for folder, handler, event, expected in [*PYTHON, *NODEJS]:
            package = read_package(root / folder, handler)
            function = _function("public", package, LocalOptions())
            template = inline_event(event) if event.startswith("{") else load_event(event)
            body = template.filled({}, 0, 1, time.time())
            got = await begin(host, function, body)
            right += got.split()[0] == expected
            mark = "right" if got.split()[0] == expected else f"WRONG, AWS: {expected}"
            sys.stdout.write(f"{mark:8} {folder} {handler}: {got[:140]}\n")
    finally:
        await host.close()
    sys.stdout.write(f"{right} of {len(PYTHON) + len(NODEJS)} as on AWS\n")
    return 0 if right == len(PYTHON) + len(NODEJS) else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(run(Path(sys.argv[1]).resolve())))
