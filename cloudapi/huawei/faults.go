package huawei

import (
	"net/http"

	"github.com/embedkms/kms/internal/front"
)

// The errors of the API. Codes and what they mean are from the API page "Error Code" and
// its older edition for single services, unless it says guess: then the code is one of
// those pages', and that it is the one for the case is not known. Statuses are 400 as on
// the page; others are those that the pages of the operations list.
var (
	broken         = fault(http.StatusInternalServerError, "KMS.0101", "KMS error.")
	unavailable    = fault(http.StatusServiceUnavailable, "KMS.0102", "KMS is unavailable, try again.")
	unknownOutcome = fault(http.StatusGatewayTimeout, "KMS.0102", "The change may have been made.")

	invalidURL       = bad("KMS.0201", "The request URL is invalid.")
	wrongMethod      = fault(http.StatusMethodNotAllowed, "KMS.0201", "Wrong method.") // guess
	invalidJSON      = bad("KMS.0202", "The request body is not JSON as it must be.")
	tooLong          = bad("KMS.0203", "The request is too long.")
	missingParameter = bad("KMS.0204", "A required parameter is missing.")
	invalidKeyID     = bad("KMS.0205", "The key ID is invalid.")
	invalidSequence  = bad("KMS.0206", "The sequence is invalid.")
	notFound         = fault(http.StatusNotFound, "KMS.0207", "The key does not exist.")
	noSuchAlias      = fault(http.StatusNotFound, "KMS.0207", "The alias does not exist.") // guess
	invalidContext   = bad("KMS.0208", "The encryption context or additional data is invalid.")
	keyDisabled      = bad("KMS.0209", "The key is disabled.")
	pendingDeletion  = bad("KMS.0210", "The key is scheduled for deletion.")

	noToken      = fault(http.StatusForbidden, "KMS.0301", "X-Auth-Token is null or invalid.")
	invalidToken = fault(http.StatusForbidden, "KMS.0302", "X-Auth-Token is invalid.")
	wrongProject = fault(http.StatusForbidden, "KMS.0305", "X-Project-Id does not fit.") // guess
	denied       = fault(http.StatusForbidden, "KMS.0306", "The operation is not permitted.")

	invalidParameter  = bad("KMS.0308", "A parameter is invalid.")
	unsupported       = bad("KMS.0308", "A parameter is not supported.") // guess
	invalidCiphertext = bad("KMS.0308", "The ciphertext is invalid.")    // guess
	invalidPlaintext  = bad("KMS.0308", "The plaintext is invalid.")     // guess
	notRotatable      = bad("KMS.0308", "The key is not rotated.")       // guess
	notExternal       = bad("KMS.0309", "The material of the key is not imported.")
	notPendingImport  = bad("KMS.0310", "The key does not wait for its material.")
	wrongUsage        = bad("KMS.0325", "The usage of the key does not fit.")          // guess
	wrongAlgorithm    = bad("KMS.0331", "The algorithm is not available for the key.") // guess

	invalidAlias       = bad("KMS.1101", "The alias is invalid.")
	invalidDescription = bad("KMS.1103", "The description is invalid.")
	aliasExists        = bad("KMS.1104", "The alias exists.")
	tooMany            = bad("KMS.1105", "There are as many as there may be.")
	notDisabled        = bad("KMS.1201", "The key is not disabled.")
	notEnabled         = bad("KMS.1301", "The key is not enabled.") // guess, but for disable-key
	invalidWindow      = bad("KMS.1401", "A key is deleted after 7 to 1,096 days.")
	scheduledAlready   = bad("KMS.1402", "The key is scheduled for deletion already.")
	notScheduled       = bad("KMS.1501", "The key is not scheduled for deletion.")
	invalidLimit       = bad("KMS.1601", "The limit is out of its range.")
	invalidMarker      = bad("KMS.1602", "The marker is out of its range.")
	invalidRandomSize  = bad("KMS.1801", "The length must be 8 to 8,192 bits, a multiple of 8.")

	invalidDatakeySize       = bad("KMS.1901", "The length must be 8 to 8,192 bits, a multiple of 8.")
	invalidHiddenSize        = bad("KMS.2001", "The length must be 8 to 8,192 bits, a multiple of 8.")
	invalidDatakey           = bad("KMS.2101", "The data key with its digest is invalid.")
	invalidPlainSize         = bad("KMS.2102", "The length must be 1 to 1,024 bytes.")
	wrongDigest              = bad("KMS.2103", "The digest is not that of the data key.")
	plaintextTooLong         = bad("KMS.2108", "The plaintext is too long for the key.") // guess
	invalidDatakeyCiphertext = bad("KMS.2201", "The ciphertext is invalid.")
	wrongCipherSize          = bad("KMS.2202", "The length is not that of the data key.")

	invalidImportToken = bad("KMS.2601", "The import token is invalid.")
	invalidExpiration  = bad("KMS.2602", "The material must expire later than now.")
	invalidMaterial    = bad("KMS.2604", "The key material is invalid.")
	expiredImportToken = bad("KMS.2605", "The import token has expired.") // guess
	nothingImported    = bad("KMS.2701", "The key has no material to delete.")

	// FAQ "What Should I Do If KMS Failed to Be Requested and Error Code 401 Is Displayed?"
	unproven = fault(http.StatusUnauthorized, "APIGW.0301", "Incorrect authentication information.")
	insecure = fault(http.StatusUnauthorized, "APIGW.0301", "TLS is required.") // guess
)

func bad(code, message string) *front.Fault { return fault(http.StatusBadRequest, code, message) }

func fault(status int, code, message string) *front.Fault {
	return &front.Fault{Status: status, Code: code, Message: message}
}
