"""Node.js functions under AWS's own runtime client, as npm has it (``aws-lambda-ric``).

``versions`` finds a Node.js, ``client`` fetches the client and ``sdk`` the AWS SDK that the managed
runtime has; ``runtime`` makes of them what a sandbox starts.
"""
