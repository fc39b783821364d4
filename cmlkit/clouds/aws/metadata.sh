# shellcheck shell=bash
# AWS's part of the boot script: the instance metadata service, version 2. runner/life.sh says what a cloud's part defines.

# PATH: print the service's answer; fail if the service or the entry is missing. It is never asked through a proxy.
metadata() {
  local -x no_proxy='*' NO_PROXY='*'
  local token service=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
  token=$(request PUT "${service%/}/latest/api/token" 'X-aws-ec2-metadata-token-ttl-seconds: 60' 1) || return
  request GET "${service%/}/latest/$1" "X-aws-ec2-metadata-token: $token" 1
} 2>/dev/null

instance_id() {
  metadata meta-data/instance-id
}

launch_time() {
  metadata dynamic/instance-identity/document | sed -n 's/.*"pendingTime" *: *"\([^"]*\)".*/\1/p'
}

taken_back() {
  metadata meta-data/spot/instance-action
}

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
local_services() {
  echo 169.254.169.254,fd00:ec2::254
}
