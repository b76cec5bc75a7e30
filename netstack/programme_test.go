package netstack_test

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// row is one fault or input of the reliability programme, what must happen, and
// the tests that hold it to that.
type row struct {
	n     int
	fault string
	must  string
	// tests are "package Test…": those without a build tag run in make test,
	// the others where their tag says (make lab, make soak). A test with a row
	// of its own bears its number: go test -run TestRow17 ./...
	tests []string
	open  string // what of the row no test holds yet, and why
}

// programme is the whole list. Nothing in it may go untested without a reason.
var programme = []row{
	{1, "malformed signaling", "error, cut after ten; others unaffected", []string{"netstack/signal TestRow01NonsenseIsAnsweredThenCut", "netstack/signal TestUnknownTypesAreAnsweredThenCut", "netstack/signal FuzzParseFrame", "netstack/signal FuzzRoomHandles", "netstack/signal FuzzClientTakes"}, ""},
	{2, "huge message; one in dribs and drabs", "cut at 64 KiB, or after 15 s", []string{"netstack/signal TestRow02HugeMessageIsCutBeforeItIsRead", "netstack/signal TestRow02MessageInDribsAndDrabsIsCut"}, ""},
	{3, "compressed bomb", "the extension is not negotiated", []string{"netstack/signal TestRow03CompressionIsNotAgreed"}, ""},
	{4, "huge SDP, 5000 sections", "refused before parsing", []string{"netstack/peer TestRow04ReadSDP", "netstack/signal TestRow04SDPAndCandidateLimits"}, ""},
	{5, "mutated SDP", "no panic, no hang, nothing left", []string{"netstack/peer TestRow05MangledDescriptions", "netstack/peer FuzzReadSDP"}, ""},
	{6, "candidates at loopback, link-local, mapped, NAT64, multicast", "no packet to the victim", []string{"netstack/peer TestRow06Reachable", "netstack/peer TestRow06NothingReachesAVictim"}, ""},
	{7, "candidate at a TCP service", "no connection", []string{"netstack/peer TestRow07CandidateRules", "netstack/peer TestRow06NothingReachesAVictim"}, ""},
	{8, "10,000 candidates, names, garbage", "64 taken, names refused", []string{"netstack/peer TestRow08CandidatesAreBounded", "netstack/relay TestCandidateLimit", "netstack/peer FuzzCandidate"}, ""},
	{9, "1000 sockets from one address, without data", "21st refused, others join", []string{"netstack/signal TestRow09SocketsPerAddress", "netstack/oneport TestRow09Slowloris", "netstack/oneport TestLimits"}, ""},
	{10, "slow reader", "cut in 2 s, others unaffected", []string{"netstack/signal TestRow10SlowReaderIsCutAndOthersAreNot"}, ""},
	{11, "wrong tokens", "refused, all alike", []string{"netstack/signal TestRow11WrongSecretAndUnknownRoomLookAlike", "app/host TestWrongSecretAndWrongPin", "netstack/signal TestGrants", "app/host TestRoomOutlivesTheHost"}, ""},
	{12, "replayed join, resume; after removal", "refused", []string{"netstack/signal TestRow12ReplayedResumeIsRefused", "netstack/signal TestRow12RemovedForGood"}, ""},
	{13, "guessed secrets", "five a minute and address", []string{"netstack/signal TestRow13TooManyWrongTries"}, ""},
	{14, "role by message", "as the table says, default deny", []string{"netstack/signal TestRow14Allowed"}, ""},
	{15, "TURN to special-purpose addresses and the host's own", "403, no packet", []string{"netstack/relay TestRow15SpecialPeersAreRefused", "netstack/relay TestRow15SpecialList", "netstack/relay TestRoute"}, ""},
	{16, "TURN without, with wrong credentials; after removal", "401; relaying stops", []string{"netstack/relay TestRow16WrongCredentials", "netstack/relay TestRow16Revoke", "netstack/relay TestRow16RevokeWhilePermitting", "netstack/relay TestPermissionIsMadeBeforeItEnds", "app/host TestRow16LeavingEndsRelaying"}, ""},
	{17, "relayed call of three lifetimes of its credential", "goes on", []string{"netstack/relay TestRow17Expiry", "netstack/signal TestRow17CredentialsAreRenewedInTime"}, ""},
	{18, "2000 allocations of one user", "486; others get theirs", []string{"netstack/relay TestRow18Quota", "netstack/relay TestRow18QuotaAtOnce", "netstack/relay TestRow18UnusedIsFreed"}, ""},
	{19, "flood of spoofed requests", "ten replies a second and source", []string{"netstack/relay TestRow19RepliesAreBounded"}, ""},
	{20, "TURN as open relay", "policed", []string{"netstack/relay TestRow20Policing"}, ""},
	{21, "garbage at the one port", "the call goes on, memory bounded", []string{"app/host TestRow21HostileOutsider", "netstack/sfu TestRow21Flood", "netstack/sfu TestRow21Strangers"}, ""},
	{22, "authenticated garbage", "dropped, counted, no panic", []string{"app/host TestRow22HostileMember", "netstack/sfu FuzzMember", "netstack/sfu/forward FuzzPacket", "netstack/bandwidth FuzzFeedback"}, ""},
	{23, "flood of key frame requests", "two a second reach the sender", []string{"netstack/sfu TestRow23KeyFrameRequestsAreFew"}, ""},
	{24, "SFU swaps or replays encrypted frames", "never shown", []string{"netstack/sframe TestSwappedFramesDoNotOpen", "netstack/sframe TestReplayedFramesDoNotOpen", "netstack/e2ee TestHostInBetweenIsFound", "netstack/sframe FuzzOpen", "app/call TestSwappedAndReplayedAreNotShown", "app/call TestHostSeesNothing", "app/call TestRemovedDecodesNothing"}, ""},
	{25, "fingerprint wrong, two, sha-1", "no media, said in words", []string{"netstack/peer TestRow25WrongFingerprint", "netstack/peer TestRow04ReadSDP"}, ""},
	{26, "wrong pin; TURN over TLS", "no byte of application data", []string{"netstack/signal TestRow26WrongCertificateGetsNoByte", "netstack/peer TestRow26WrongPin", "netstack/peer TestRow26RelayOverPinnedTLS", "app/host TestDomain", "netstack/signal TestInviteSaysEncrypted"}, ""},
	{27, "corrupt VP8 and Opus, bombs", "refused by the header; room unharmed", []string{"media/codec TestRow27VP8Bombs", "media/codec TestOpusRefusesBadPackets", "netstack/mcu TestRow27Garbage", "netstack/mcu TestPanicCostsOneFrame", "media/codec FuzzVP8Header", "media/codec TestRow27MutatedFrames"}, "rooms of --clear and --open-room are decoded in the host's process: a crash inside a codec library would cost the host; encrypted rooms, the default, are decoded nowhere but at their members"},
	{28, "size changes thirty times a second", "the mix never stops", []string{"netstack/mcu TestRow28SizeStorm"}, ""},
	{29, "names and chat with bidi, zalgo, markup", "cleaned", []string{"netstack/signal TestRow29NamesAreCleaned", "netstack/signal TestRow29ChatIsCleaned", "netstack/signal FuzzCleanName"}, ""},
	{30, "10,000 chat messages", "history and memory bounded", []string{"netstack/signal TestHistoryIsBounded", "netstack/signal TestChatHistory", "app/ui TestRow30ChatFlood"}, ""},
	{31, "hostile file names", "inside the folder, not overwritten", []string{"app/replay TestRow31NamesStayInTheFolder"}, "nobody can send a file: recordings are all there is"},
	{32, "disk full, read-only, folder removed", "the call goes on; nothing old is lost", []string{"app/config TestRow32FullDisk", "netstack/trace TestRow32UnwritableIsCounted", "netstack/trace TestKill"}, ""},
	{33, "port in use", "next port or clear words", []string{"netstack/oneport TestRow33PortInUse", "app/host TestRow33PortInUse", "app TestHostRefuses"}, ""},
	{34, "no camera, no sound, busy, denied", "joins all the same; told", []string{"app/studio TestRow34NoDevices", "app/studio TestRow34BusyAndDenied"}, ""},
	{35, "device unplugged and back", "told; resumes", []string{"app/studio TestRow35UnplugAndReturn", "media/capture TestCameraUnplugged"}, ""},
	{36, "camera off", "driver closed in 500 ms", []string{"app/studio TestRow36CameraOff", "media/capture TestCameraOff"}, ""},
	{37, "no display; it dies", "one line, exit 2, no stack", []string{"app TestRow37NoDisplay", "app TestHostPrintsInvitesAndStops", "app/e2e TestRow37DisplayDies"}, ""},
	{38, "every pairing of networks", "connects over the right path, and says why", []string{"netstack/mesh TestRow38NATs", "netstack/mesh TestRow38FirstMedia", "app/e2e TestRow38Matrix", "app/e2e TestRow38Special", "app/e2e TestRow38FirstMedia", "app/e2e TestNATs"}, ""},
	{39, "only TCP 443", "connected by TLS to a pinned host", []string{"netstack/peer TestRow26RelayOverPinnedTLS", "app/e2e TestRow38Matrix"}, ""},
	{40, "IPv6 only; broken IPv4", "connected", []string{"app/e2e TestRow38Matrix", "netstack/relay TestRow40RelayedAddressesAreOfOneFamily", "netstack/probe TestUDPAndFamilies", "netstack/signal TestAllAddressesAreTried"}, ""},
	{41, "host behind NAT, with UPnP, without, hostile", "told what is reachable; parsers hold", []string{"app/host TestRow41Reachable", "netstack/portmap TestRow41HostileRouter", "netstack/portmap TestRow41Outcomes"}, ""},
	{42, "two hosts on one network", "both found, told apart", []string{"netstack/lan TestRow42Browse", "app/host TestTwoHosts"}, ""},
	{43, "address change; small MTU", "gap at most 0.5 s", []string{"netstack/mesh TestRow43AddressChange", "netstack/mesh TestRow43Gap", "app/e2e TestRow43Roads", "app/e2e TestCalls"}, ""},
	{44, "NAT rebinding", "both directions back in 4 s", []string{"netstack/mesh TestRow44SilentDirectionHeals", "netstack/sfu TestRow44SilentUplinkHeals", "app/e2e TestNATs"}, ""},
	{45, "signaling down for 60 s", "no media lost, messages once and in order", []string{"netstack/signal TestRow45SignalingDownForAMinute", "netstack/mesh TestRow45SignalingAway", "netstack/mesh TestRow45MinuteWithoutSignaling", "app/e2e TestCalls"}, ""},
	{46, "host killed and restarted", "all back in 8 s with their roles", []string{"netstack/signal TestRow46HostRestartKeepsIdentities", "app/host TestRow46DamagedState", "app/host TestNobodyIsDeniedAtTheStart", "app/host TestMediaAfterRestart", "app/e2e TestCalls"}, ""},
	{47, "frozen for 28 s", "goes on by itself", []string{"netstack/mesh TestRow47CutWithoutSignaling", "app/e2e TestRow47Frozen"}, ""},
	{48, "clock steps", "media unaffected", []string{"netstack/relay TestRow48ClockSteps", "netstack/relay TestBucket"}, ""},
	{49, "loss, bursts, narrow lines", "sound to 30 % loss; the rate follows the line", []string{"media/playout TestRow49AudioLoss", "media/playout TestRow49AudioBurstsOfFive", "netstack/mesh TestRow49LossIsRepaired", "netstack/peer TestRepairedOnceInARoundTrip", "media/playout TestVideoLateRepair", "netstack/mesh TestRow49BudgetFollowsLink", "netstack/sfu TestRow49ThinLine", "app/e2e TestRow49Lines", "app/e2e TestPanelTellsTheTruth"}, ""},
	{50, "little processor; half-open joins", "sound first; half-open ones are freed", []string{"netstack/signal TestStrangersAreNotWaitedFor", "netstack/mcu TestPicturesGiveWayToSound", "app/e2e TestRow50Starved"}, ""},
	{51, "path changes as people come and go", "sound gap at most 300 ms", []string{"app/call TestChangeOfPath", "app/call TestThreeOnTheHost", "app/call TestChangeToTheMix"}, ""},
	{52, "24 virtual hours; 1000 joins and leaves", "goroutines, descriptors, memory flat", []string{"netstack/mesh TestRow52Day", "app/call TestRow52Soak", "netstack/mesh TestFiftyTimes", "netstack/mcu TestJoinLeaveStorm"}, ""},
	{53, "browser as the other side", "connects", []string{"netstack/sfu TestBrowserWithSimulcast", "app/e2e TestRow53Browser"}, ""},
}

// TestProgramme finds every test of the programme, so that none is lost when
// tests are renamed, and prints the table with -v.
func TestProgramme(t *testing.T) {
	if len(programme) != 53 {
		t.Fatalf("%d rows, want 53", len(programme))
	}
	tags := map[string]map[string]string{}
	for i, r := range programme {
		if r.n != i+1 {
			t.Errorf("row %d stands in place %d", r.n, i+1)
		}
		if len(r.tests) == 0 && r.open == "" {
			t.Errorf("row %d has neither a test nor a reason", r.n)
		}
		var where []string
		for _, name := range r.tests {
			pkg, test, _ := strings.Cut(name, " ")
			if tags[pkg] == nil {
				tags[pkg] = testsOf(t, pkg)
			}
			tag, ok := tags[pkg][test]
			if !ok {
				t.Errorf("row %d: there is no %s in %s", r.n, test, pkg)
			}
			where = append(where, fmt.Sprintf("make %s: %s", tag, name))
		}
		t.Logf("%2d  %s → %s\n      %s", r.n, r.fault, r.must, strings.Join(append(where, r.open), "\n      "))
	}
}

// testsOf maps the tests of a package to the Make target that runs them.
func testsOf(t *testing.T, pkg string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		tag := targetOf(t, file)
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				found[fn.Name.Name] = tag
			}
		}
	}
	return found
}

// targetOf is the Make target whose build tag a test file needs.
func targetOf(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	expr, err := constraint.Parse(first)
	if err != nil {
		return "test" // no constraint
	}
	for _, tag := range []string{"lab", "soak", "e2e", "browser"} {
		with := func(on bool) bool {
			return expr.Eval(func(s string) bool { return s == tag && on || s == "linux" || s == "unix" })
		}
		if with(true) && !with(false) {
			return tag
		}
	}
	return "test"
}
