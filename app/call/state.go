package call

import "fmt"

// input is what can happen to a call as a whole.
type input uint8

const (
	join        input = iota // the person wants in
	joinedAlone              // the host let us in; nobody else is here
	joinedOther              // the host let us in; others are here
	othersCame               // the first other member joined
	othersLeft               // the last other member left
	mediaFlowed              // media arrived from somebody
	mediaFailed              // every line is broken
	lost                     // the host cannot be reached
	regained                 // the host is back
	leave                    // the person leaves
	fail                     // there is no way on
)

// transitions is the life of a call. What is not in it cannot happen.
var transitions = map[State]map[input]State{
	Idle:         {join: Joining},
	Joining:      {joinedAlone: Alone, joinedOther: Connecting, leave: Ended, fail: Ended},
	Alone:        {othersCame: Connecting, lost: Reconnecting, leave: Ended, fail: Ended},
	Connecting:   {mediaFlowed: Connected, othersLeft: Alone, mediaFailed: Reconnecting, lost: Connecting, regained: Connecting, leave: Ended, fail: Ended},
	Connected:    {othersLeft: Alone, mediaFailed: Reconnecting, lost: Connected, regained: Connected, leave: Ended, fail: Ended},
	Reconnecting: {mediaFlowed: Connected, othersLeft: Alone, othersCame: Connecting, regained: Connecting, leave: Ended, fail: Ended},
}

// next returns the state after in, or an error if in cannot happen now.
func (s State) next(in input) (State, error) {
	to, ok := transitions[s][in]
	if !ok {
		return s, fmt.Errorf("call is %v: input %d is not possible", s, in)
	}
	return to, nil
}
