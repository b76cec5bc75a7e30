package ui

import (
	"fmt"
	"image"
	"image/color"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
)

// quietZone is the white border a QR code needs, in modules (ISO/IEC 18004).
const quietZone = 4

// qrImage draws text as a QR code, one pixel a module, with its quiet zone.
func qrImage(text string) (*image.RGBA, error) {
	code, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		return nil, fmt.Errorf("draw a QR code: %w", err)
	}
	return withQuietZone(code), nil
}

func withQuietZone(code barcode.Barcode) *image.RGBA {
	n := code.Bounds().Dx()
	img := image.NewRGBA(image.Rect(0, 0, n+2*quietZone, n+2*quietZone))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	for y := range n {
		for x := range n {
			if r, _, _, _ := code.At(x, y).RGBA(); r < 0x8000 {
				img.SetRGBA(x+quietZone, y+quietZone, color.RGBA{0x0b, 0x0e, 0x15, 0xff})
			}
		}
	}
	return img
}

// newQR is the code of a link, size wide, or a sentence when the link is too
// long for one.
func newQR(link string, size float32) fyne.CanvasObject {
	img, err := qrImage(link)
	if err != nil {
		return newPara("This link is too long for a code.", 13, plain, cDim)
	}
	c := canvas.NewImageFromImage(img)
	c.ScaleMode, c.FillMode = canvas.ImageScalePixels, canvas.ImageFillContain
	c.SetMinSize(fyne.NewSquareSize(size))
	white := rounded(12)
	white.FillColor = color.White
	return sizedTo(layered(white, padded(c, 6, 6, 6, 6)), size, size)
}

const inviteWidth = 520

// newInviteCard is the large invite of someone who is alone.
func newInviteCard(s *callScreen, c curtain) fyne.CanvasObject {
	link := s.model.snap.Invite
	s.copyBig = newButton(primary, "copy", "Copy invite", s.copyInvite)
	left := newStretch(9,
		newPara(c.Title, 21, display, cText),
		newPara(c.Text, 14, plain, cDim),
		newLinkBox(link),
		newRow(0, s.copyBig, newFiller()))
	if s.model.snap.Hosted {
		left.Add(newReachRow(s.w))
	}
	plate := newPlate(cPanel, cLine, 22)
	plate.shadow = true
	return sizedTo(layered(plate, padded(newRow(24, left, newQR(link, 164)), 20, 20, 20, 28)), inviteWidth+60, 0)
}

// newLinkBox shows a link in one line.
func newLinkBox(link string) fyne.CanvasObject {
	return layered(newPlate(cCard, cLine, 10), padded(newText(link, 12.5, mono, cDim).eliding(), 11, 12, 11, 12))
}

// showInvite opens the invite as a link and a code.
func (s *callScreen) showInvite() {
	link := s.model.snap.Invite
	if link == "" {
		return
	}
	copyIt := newButton(primary, "copy", "Copy invite", nil)
	copyIt.pressed = func() {
		s.copyInvite()
		copyIt.set("check", "Copied")
	}
	body := newColumn(16, 380-48,
		newPara("Who has this invite can come in. Scan it with a phone, or copy it and send it.", 14, plain, cDim),
		container.NewCenter(newQR(link, 280)),
		newLinkBox(link), copyIt)
	s.w.openSheet("Invite", 380, body, nil)
}

// copyInvite puts the invite on the clipboard and says so.
func (s *callScreen) copyInvite() {
	link := s.model.snap.Invite
	if link == "" {
		return
	}
	s.w.app.Clipboard().SetContent(link)
	if s.copyBig != nil {
		s.copyBig.set("check", "Copied")
	}
	s.w.tell(notice{Icon: "check", Text: "The invite is on the clipboard. Send it to whom you want to see."})
}
