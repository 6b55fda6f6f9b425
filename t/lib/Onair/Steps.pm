package Onair::Steps;

# A stream that advances only when a test says so: 30 frames a second, six
# frames a part, sixty a segment.
#
#   my $live = Onair::Steps->start($server, 'name', audio => 'aac');
#   $live->parts(3)            publishes three more parts of video
#   $live->segment             publishes parts up to the next segment's first,
#                              which is what ends a segment
#   $live->base, base('audio') /live/name/SESSION/video
#   $live->get('index.m3u8', %headers)   below base
#   $live->hint                (msn, part) of the part to come
#   $live->edge                (msn, part) of the last part
#   $live->done                no more frames; the publisher goes away
#
# After start there is one part, with audio two.  What was published is there
# when parts returns.

use strict;
use warnings;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

use constant { PART_FRAMES => 6, SEGMENT_PARTS => 10 };


sub start
{
    my ($class, $server, $name, %option) = @_;

    my $self = bless {
        server => $server, name => $name, sent => 0,
        messages => Onair::FLV::make(seconds => 30, audio => 0, bframes => 0,
                                     %option),
        publisher => Onair::RTMP->publish($server->rtmp_port, $name),
    }, $class;

    die "not accepted\n" if !$self->{publisher}->accepted;

    # a part of audio is a little longer than one of video
    $self->_send($option{audio} ? 2 * PART_FRAMES : PART_FRAMES);

    my $viewer = Onair::Viewer->new($server, $name);
    $viewer->wait_live('video') or die "no stream\n" . $server->error_log;
    $self->{session} = $viewer->session;

    return $self;
}


sub session { $_[0]{session} }


sub base
{
    my ($self, $rendition) = @_;

    return "/live/$self->{name}/$self->{session}/" . ($rendition // 'video');
}


sub get
{
    my ($self, $file, %headers) = @_;

    return $self->{server}->get($self->base . "/$file", %headers);
}


sub get_start
{
    my ($self, $file, %headers) = @_;

    return $self->{server}->get_start($self->base . "/$file", %headers);
}


sub hint
{
    my $self = shift;
    my $text = $self->get('index.m3u8')->{body};

    return $text =~ /^#EXT-X-PRELOAD-HINT:.*part-(\d+)\.(\d+)\.m4s/m;
}


# By count, which holds while every part has its name from the hint.
sub edge
{
    my $self = shift;
    my $part = $self->{sent} / PART_FRAMES - 1;

    return (int($part / SEGMENT_PARTS), $part % SEGMENT_PARTS);
}


sub parts
{
    my ($self, $n) = @_;

    $self->_send($n * PART_FRAMES);

    my ($msn, $part) = $self->edge;
    wait_for { $self->get("part-$msn.$part.m4s")->{status} == 200 }
        or die "part $msn.$part did not come\n" . $self->{server}->error_log;
}


sub segment
{
    my $self = shift;
    my (undef, $part) = $self->edge;

    $self->parts(SEGMENT_PARTS - $part);
}


sub done { $_[0]{publisher}->close }


# Everything before the next frame of video is sent with it.
sub _send
{
    my ($self, $frames) = @_;

    while ($frames > 0) {
        my $m = shift @{ $self->{messages} } // die "no more frames\n";

        $self->{publisher}->send_flv([$m]);

        if (Onair::FLV::is_video($m) && Onair::FLV::is_frame($m)
            && !Onair::FLV::is_end($m))
        {
            $frames--;
            $self->{sent}++;
        }
    }
}


1;
