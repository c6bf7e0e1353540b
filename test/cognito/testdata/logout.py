"""Logs a user out by boto3: logout.py ENDPOINT ACCOUNT USER. The keys are in the environment."""
import sys

import boto3

endpoint, account, user = sys.argv[1:]
chime = boto3.client("chime", region_name="us-east-1", endpoint_url=endpoint)
chime.logout_user(AccountId=account, UserId=user)
