"""The messages of section 12 as it writes them, and those of google.rpc that section 13 uses."""

from .protobuf import Message, declare

PENDING, ACTIVE, SUPERSEDED, DESTROYED = 1, 2, 3, 4
STATE_NAMES = {1: "PENDING", 2: "ACTIVE", 3: "SUPERSEDED", 4: "DESTROYED"}

Participant = declare("Participant", "string node_id = 1; uint32 index = 2;")
KdfParameters = declare(
    "KdfParameters", "bytes salt = 1; uint32 memory_kib = 2; uint32 iterations = 3; uint32 parallelism = 4;")
RecordHeader = declare("RecordHeader", """
    uint32 version = 1; string set_id = 2; bytes account_id = 3; bytes record_id = 4;
    uint64 generation = 5; int64 created_unix_ms = 6; uint32 threshold = 7;
    repeated Participant participants = 8; KdfParameters kdf = 9; bytes commitment = 10;
    bytes owner_public_key = 11; uint32 max_attempts = 12; bytes envelope_digest = 13;
    bytes confirm_public_key = 14;
""", Participant=Participant, KdfParameters=KdfParameters)
FormerOwner = declare("FormerOwner", "bytes record_id = 1; bytes owner_private_key = 2;")
SecretPayload = declare("SecretPayload", """
    bytes secret = 1; string content_type = 2; string label = 3; repeated FormerOwner former_owners = 4;
""", FormerOwner=FormerOwner)

PrepareRequest = declare("PrepareRequest", "bytes record_id = 1; bytes blinded = 2; string set_id = 15;")
PrepareResponse = declare("PrepareResponse", "bytes evaluated = 1; bytes sealed_key = 2;")
DepositRequest = declare("DepositRequest", """
    bytes sealed_key = 1; bytes header = 2; bytes masked_share = 3; bytes envelope = 4;
    bytes deposit_signature = 5;
    bytes replace_signature = 6; bytes replaces_record_id = 7;
    bytes replaces_pending = 8;
    string set_id = 15;
""")
DepositResponse = declare("DepositResponse", "RecordState state = 1;")
ActivateRequest = declare("ActivateRequest", "bytes record_id = 1; bytes signature = 2; string set_id = 15;")
ActivateResponse = declare("ActivateResponse", "RecordState state = 1;")
DescribeRequest = declare("DescribeRequest", "string set_id = 15;")
RecordStatus = declare("RecordStatus", """
    bytes header = 1; RecordState state = 2; uint32 attempts_used = 3; uint32 attempts_remaining = 4;
    int64 retry_after_ms = 5; bytes deposit_signature = 6; bytes record_id = 7; uint64 generation = 8;
    bytes replace_signature = 9; bytes replaces_record_id = 10; int64 destroyed_after_unix_ms = 11;
""")
DescribeResponse = declare(
    "DescribeResponse", "string node_id = 1; string set_id = 2; repeated RecordStatus records = 3;",
    RecordStatus=RecordStatus)
EvaluateRequest = declare(
    "EvaluateRequest", "bytes record_id = 1; bytes attempt_id = 2; bytes blinded = 3; string set_id = 15;")
EvaluateResponse = declare("EvaluateResponse", """
    bytes evaluated = 1; bytes masked_share = 2; bytes envelope = 3; uint32 attempts_remaining = 4;
    bytes deposit_signature = 5; uint64 sequence = 6;
""")
REFRESH_FIELDS = frozenset({10, 11, 12})
ConfirmRequest = declare("ConfirmRequest", """
    bytes record_id = 1; bytes attempt_id = 2; bytes signature = 3; uint64 sequence = 4; string set_id = 15;
""")
ConfirmResponse = declare("ConfirmResponse", "RecordState state = 1; uint32 attempts_remaining = 2;")
RetireRequest = declare("RetireRequest", "bytes record_id = 1; bytes signature = 2; string set_id = 15;")
RetireResponse = declare("RetireResponse", "")
DeleteRequest = declare("DeleteRequest", """
    bytes record_id = 1; bytes signature = 2; RecordState state = 3; string set_id = 15;
""")
DeleteResponse = declare("DeleteResponse", "")

Any = declare("Any", "string type_url = 1; bytes value = 2;")
Status = declare("Status", "int32 code = 1; string message = 2; repeated Any details = 3;", Any=Any)
MetadataEntry = declare("MetadataEntry", "string key = 1; string value = 2;")
ErrorInfo = declare(
    "ErrorInfo", "string reason = 1; string domain = 2; repeated MetadataEntry metadata = 3;",
    MetadataEntry=MetadataEntry)
Duration = declare("Duration", "int64 seconds = 1; int32 nanos = 2;")
RetryInfo = declare("RetryInfo", "Duration retry_delay = 1;", Duration=Duration)
RequestInfo = declare("RequestInfo", "string request_id = 1; string serving_data = 2;")

RESPONSES = {
    "Prepare": PrepareResponse, "Deposit": DepositResponse, "Activate": ActivateResponse,
    "Describe": DescribeResponse, "Evaluate": EvaluateResponse, "Confirm": ConfirmResponse,
    "Retire": RetireResponse, "Delete": DeleteResponse,
}
